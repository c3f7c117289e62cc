import t from 'tap'
import { readImage } from '../../reference/client.ts'
import { migration, needs } from '../testing/mounts.ts'

t.test('dump: a log stays in memory and is never sent', needs, async (t) => {
  const { sh, directory, proxy, written } = await migration(t)
  const script = `
    mkdir s/1; echo log > s/1/dump.log; : > s/1/stats-dump; echo image > s/1/a.img
    cat s/1/dump.log; stat -c %s s/1/dump.log; ls s/1; test -e d/1/dump.log; echo $?`
  t.equal(await sh(script), 'log\n4\na.img\ndump.log\nstats-dump\n1')
  t.equal(await readImage(`${directory}/proxy.sock`, '1', 'dump.log'), undefined)
  await sh('touch s/null/DUMP_FINISH')
  await proxy.finished
  t.equal(await readImage(`${directory}/cache.sock`, '1', 'dump.log'), undefined)
  t.equal(await readImage(`${directory}/cache.sock`, '1', 'stats-dump'), undefined)
  t.strictSame(written.slice(0, 1), ['1/a.img 6'])
})

t.test('restore: a log can be written on the side of the cache', needs, async (t) => {
  const { sh } = await migration(t)
  t.equal(
    await sh(
      'echo 1 > d/1/restore.log; echo 2 >> d/1/restore.log; cat d/1/restore.log; test -e s/1/restore.log',
    ),
    '1\n2\nexit 1',
  )
})

t.test(
  'dump: a local file is read, written and truncated at any offset, through several opens',
  needs,
  async (t) => {
    const { python } = await migration(t)
    const script = `
os.mkdir('s/1')
model = open('model', 'w+b', 0)
file = open('s/1/irmap-cache', 'w+b', 0)
other = os.open('s/1/irmap-cache', os.O_RDWR)
for turn in range(300):
    at, bytes = random.randrange(200_000), os.urandom(random.choice([1, 100, 5000]))
    for each in model, file:
        each.seek(at)
        each.write(bytes)
    if turn % 50 == 0:
        size = random.randrange(200_000)
        model.truncate(size)
        os.ftruncate(other, size)
    at = random.randrange(250_000)
    assert os.pread(model.fileno(), 7000, at) == os.pread(other, 7000, at), (turn, at)
    assert os.fstat(model.fileno()).st_size == os.fstat(other).st_size == os.stat('s/1/irmap-cache').st_size
report('equal')`
    t.equal(await python(script), 'equal')
  },
)

t.test('dump: appends of two writers to one log do not overwrite each other', needs, async (t) => {
  const { sh } = await migration(t)
  const script = `
    mkdir s/1; : > s/1/dump.log
    for n in 1 2; do (for line in $(seq 100); do echo $n $line; done >> s/1/dump.log) & done; wait
    wc -l < s/1/dump.log; grep -c '^1 ' s/1/dump.log; sort -u s/1/dump.log | wc -l; echo anew > s/1/dump.log; cat s/1/dump.log`
  t.equal(await sh(script), '200\n100\n200\nanew')
})

t.test(
  'dump: a local file can be removed, even while it is open, and created again',
  needs,
  async (t) => {
    const { python, sh } = await migration(t)
    const script = `
os.mkdir('s/1')
file = os.open('s/1/pidfile', os.O_RDWR | os.O_CREAT | os.O_EXCL)
report(tried(os.open, 's/1/pidfile', os.O_RDWR | os.O_CREAT | os.O_EXCL), tried(os.unlink, 's/1/pidfile'), tried(os.unlink, 's/1/pidfile'))
report(os.write(file, b'old'), os.pread(file, 9, 0), tried(os.stat, 's/1/pidfile'))
open('s/1/pidfile', 'w').write('second')
report(os.pread(file, 9, 0), open('s/1/pidfile').read())`
    t.equal(await python(script), "EEXIST None ENOENT\n3 b'old' ENOENT\nb'old' second")
    t.equal(await sh('rm s/1/pidfile; ls s/1; test -e s/1/none'), 'exit 1')
  },
)
