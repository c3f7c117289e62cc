import t from 'tap'
import { fakeServer, migration, needs, workspace } from '../testing/mounts.ts'

t.test('restore: several tasks pread an image (pages) at any offset at once', needs, async (t) => {
  const { python } = await migration(t)
  const script = `
os.mkdir('s/1')
whole = os.urandom(3_000_001)
image = create('s/1/pages.img')
os.write(image, whole)
os.close(image)
tasks = []
for task in range(4):
    tasks.append(os.fork())
    if tasks[-1] == 0:
        images = [os.open('d/1/pages.img', os.O_RDONLY), os.open('d/1/pages.img', os.O_RDONLY)]
        for turn in range(100):
            at, size = random.randrange(len(whole) + 10), random.choice([1, 4096, 70_000, 1_500_000])
            assert os.pread(random.choice(images), size, at) == whole[at:at + size], (at, size)
        buffers = [bytearray(4096) for _ in range(300)]
        assert os.preadv(images[0], buffers, 5) == 300 * 4096 and b''.join(buffers) == whole[5:5 + 300 * 4096]
        os._exit(0)
report([os.waitpid(task, 0)[1] for task in tasks])
image = os.open('s/1/pages.img', os.O_RDONLY)
report(os.lseek(image, 0, os.SEEK_END), os.lseek(image, -1, os.SEEK_CUR), os.read(image, 9) == whole[-1:], os.read(image, 9))`
  t.equal(await python(script), "[0, 0, 0, 0]\n3000001 3000000 True b''")
})

t.test('restore: sendfile and splice read an image (ghost files)', needs, async (t) => {
  const { python } = await migration(t)
  const script = `
os.mkdir('s/1')
whole = os.urandom(1_000_000)
image = create('s/1/ghost.img')
os.write(image, whole)
os.close(image)
image, copy = os.open('d/1/ghost.img', os.O_RDONLY), os.open('copy', os.O_RDWR | os.O_CREAT)
sent = 0
while sent < len(whole): sent += os.sendfile(copy, image, sent, len(whole) - sent)
reading, writing = os.pipe()
report(os.pread(copy, 2_000_000, 0) == whole, os.splice(image, writing, 60_000, 7), os.read(reading, 60_000) == whole[7:60_007])`
  t.equal(await python(script), 'True 60000 True')
})

t.test(
  'restore: fstat of an arriving image (pagemaps) waits and returns the whole size',
  needs,
  async (t) => {
    const { directory, mount, startPython } = await workspace(t)
    const server = await fakeServer(
      t,
      directory,
      "image = accept()\nsend(image, OK + b'half')\nline()\nsend(image, b' and half')\nend(image)\nserve()",
    )
    await mount('d', server.socket, 'cache')
    const reader = startPython(`
image = os.open('d/1/pages.img', os.O_RDONLY)
report(os.read(image, 4))
report(os.fstat(image).st_size, os.read(image, 100), os.read(image, 100))`)
    await reader.printed("b'half'")
    await reader.waiting()
    server.tell('go on')
    t.equal(await reader.output, "b'half'\n13 b' and half' b''")
  },
)

t.test(
  'restore: fstat returns the size of a complete image before the first read',
  needs,
  async (t) => {
    const { python } = await migration(t)
    const script = `
os.mkdir('s/1')
image = create('s/1/a.img')
report(os.fstat(image).st_size, os.write(image, b'12345'), os.fstat(image).st_size)
os.close(image)
image = os.open('d/1/a.img', os.O_RDONLY)
report(os.fstat(image).st_size, os.stat('d/1/a.img').st_size, oct(os.fstat(image).st_mode))`
    t.equal(await python(script), '0 5 5\n5 5 0o100644')
  },
)

t.test('dump: open, stat and access of a missing image are ENOENT at once', needs, async (t) => {
  const { python } = await migration(t)
  const script = `
os.mkdir('s/1')
path = 's/1/pagemap-7.img'
report(tried(os.open, path, os.O_RDONLY), tried(os.stat, path), os.access(path, os.F_OK), tried(os.stat, 's/2'))
os.close(create('s/1/other.img'))
report(tried(os.open, path, os.O_RDONLY))`
  t.equal(await python(script), 'ENOENT ENOENT False ENOENT\nENOENT')
})

t.test(
  'dump: while an image is written, a read gets its old version, or ENOENT',
  needs,
  async (t) => {
    const { python } = await migration(t)
    const script = `
os.mkdir('s/1')
def read(): return tried(lambda: open('s/1/a.img').read())
for version in [b'old', b'new']:
    image = create('s/1/a.img')
    os.write(image, version)
    report('while writing', read())
    os.close(image)
    report('then', read())`
    t.equal(await python(script), 'while writing ENOENT\nthen old\nwhile writing old\nthen new')
  },
)

t.test('restore: a restore that starts first gets each image when it arrives', needs, async (t) => {
  const { sh, start } = await migration(t)
  const readers = [1, 2, 3].map((n) => start(`exec cat d/1/${n}.img`))
  await Promise.all(readers.map((reader) => reader.waiting()))
  t.equal(await sh('mkdir s/1; for n in 3 1; do echo $n > s/1/$n.img; done'), '')
  t.equal(await readers[2]?.output, '3')
  t.equal(await readers[0]?.output, '1')
  await readers[1]?.waiting()
})

t.test(
  'restore: images that did not arrive by the end of the dump are ENOENT',
  needs,
  async (t) => {
    const { sh, start, proxy } = await migration(t)
    const waiting = [
      start('exec cat d/1/a.img'),
      start('exec stat d/1/a.img'),
      start('exec test -e d/1/a.img'),
    ]
    await Promise.all(waiting.map((reader) => reader.waiting()))
    t.equal(await sh('mkdir s/1; echo b > s/1/b.img; touch s/null/DUMP_FINISH'), '')
    await proxy.finished
    t.match(await waiting[0]?.output, 'cat: d/1/a.img: No such file or directory')
    t.match(await waiting[1]?.output, 'No such file or directory')
    t.equal(await waiting[2]?.output, 'exit 1')
    t.match(
      await sh('cat d/1/b.img d/1/c.img d/2/a.img'),
      /^b\ncat: d\/1\/c.img: No such file.*\ncat: d\/2\/a.img: No such file.*\nexit 1$/,
    )
  },
)

t.test(
  'restore: a task that waits for an image can be killed, and the image is readable later',
  needs,
  async (t) => {
    const { sh, start } = await migration(t)
    const reader = start('exec cat d/1/a.img')
    await reader.waiting()
    reader.kill('SIGKILL')
    t.equal(await reader.output, 'killed by SIGKILL')
    t.equal(await sh('mkdir s/1; echo a > s/1/a.img; cat d/1/a.img'), 'a')
  },
)

t.test('restore: 200 waiting opens delay no other open', needs, async (t) => {
  const { sh, startPython } = await migration(t)
  const waiting = startPython(`
tasks = []
for n in range(200):
    tasks.append(os.fork())
    if tasks[-1] == 0: os._exit(open(f'd/1/{n}.img').read() != str(n))
report('forked', sum(os.waitpid(task, 0)[1] for task in tasks))`)
  t.equal(await sh('mkdir s/1; echo first > s/1/first.img; cat d/1/first.img'), 'first')
  t.equal(await sh('for n in $(seq 0 199); do printf $n > s/1/$n.img; done'), '')
  t.equal(await waiting.output, 'forked 0')
})
