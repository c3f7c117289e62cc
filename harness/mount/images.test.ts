import t from 'tap'
import { migration, needs } from '../testing/mounts.ts'

/**
 * Returns a script that writes random bytes to an image by `copy`, which uses `source`, `target`
 * and `size`.
 */
const writer = (mebibytes: number, copy: string) => `
os.system('head -c ${mebibytes}M /dev/urandom > local')
source = os.open('local', os.O_RDONLY)
size = ${mebibytes} << 20
os.mkdir('s/1')
target = create('s/1/pages.img')
${copy}
os.close(target)`

const splice = (piece: number) => `
reading, writing = os.pipe()
fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, ${piece})
while filled := os.splice(source, writing, ${piece}):
    while filled: filled -= os.splice(reading, target, filled)`

const sendfile = `
sent = 0
while sent < size: sent += os.sendfile(target, source, sent, size - sent)`

const write = (piece: number) => `
while bytes := os.read(source, ${piece}): assert os.write(target, bytes) == len(bytes)`

const copies = [
  { method: 'splice of 64 KiB (pages)', mebibytes: 64, copy: splice(65_536) },
  { method: 'splice of 1 MiB (the largest request)', mebibytes: 64, copy: splice(1_048_576) },
  { method: 'sendfile (ghost files)', mebibytes: 64, copy: sendfile },
  { method: 'writes of 4 KiB (buffered images)', mebibytes: 16, copy: write(4096) },
]

for (const { method, mebibytes, copy } of copies) {
  t.test(
    `dump: an image of ${mebibytes} MiB, written by ${method}, is read on both sides`,
    needs,
    async (t) => {
      const { sh, python, written } = await migration(t)
      t.equal(await python(writer(mebibytes, copy)), '')
      t.equal(
        await sh(
          'for side in s d; do dd if=$side/1/pages.img bs=1M status=none | cmp - local; done',
        ),
        '',
      )
      t.strictSame(written, [`1/pages.img ${mebibytes << 20}`])
    },
  )
}

t.test('dump: an image that a tool writes byte by byte arrives', needs, async (t) => {
  const { sh } = await migration(t)
  t.equal(
    await sh(
      'mkdir s/1; head -c 5000 /dev/urandom > local; dd if=local of=s/1/a.img bs=1 status=none; cmp local d/1/a.img',
    ),
    '',
  )
})

t.test(
  'dump: mkdir, create, write and close make an image that is read on both sides',
  needs,
  async (t) => {
    const { sh } = await migration(t)
    t.equal(
      await sh('mkdir s/1; echo hello > s/1/a.img; cat s/1/a.img d/1/a.img; ls s s/1'),
      'hello\nhello\ns:\n1\n\ns/1:\na.img',
    )
  },
)

t.test('dump: an empty image (pages of a task without own pages) exists', needs, async (t) => {
  const { sh, written } = await migration(t)
  t.equal(
    await sh('mkdir s/1; : > s/1/a.img; cat s/1/a.img d/1/a.img; stat -c %s s/1/a.img d/1/a.img'),
    '0\n0',
  )
  t.strictSame(written, ['1/a.img 0'])
})

t.test(
  'dump: an image that is created again (a tmpfs dumped twice) is replaced',
  needs,
  async (t) => {
    const { sh, written } = await migration(t)
    t.equal(
      await sh(
        'mkdir s/1; echo the longer > s/1/a.img; echo short > s/1/a.img; cat s/1/a.img d/1/a.img',
      ),
      'short\nshort',
    )
    t.strictSame(written, ['1/a.img 11', '1/a.img 6'])
  },
)

t.test('dump: the last close ends an image that tools (tar, ip) inherit', needs, async (t) => {
  const { sh } = await migration(t)
  const script = `
    mkdir s/1; mkfifo go; exec 5> s/1/a.img; printf 'parent, ' >&5
    { read _ < go; echo child; } >&5 5>&- &
    exec 5>&-; cat s/1/a.img; echo > go; wait; cat s/1/a.img d/1/a.img`
  t.equal(
    await sh(script),
    'cat: s/1/a.img: No such file or directory\nparent, child\nparent, child',
  )
})

t.test(
  'dump: 500 images that are open at once and written in turns do not mix',
  needs,
  async (t) => {
    const { sh, python } = await migration(t)
    const script = `
os.mkdir('s/1')
images = [create(f's/1/{n}.img') for n in range(500)]
for turn in range(4):
    for n, image in enumerate(images): os.write(image, f'{n} '.encode())
for image in images: os.close(image)
for n in range(500):
    with open(f'd/1/{n}.img') as image: assert image.read() == f'{n} ' * 4, n`
    t.equal(await python(script), '')
    t.equal(await sh('ls s/1 | wc -l'), '500')
  },
)

t.test(
  'dump: a write that leaves a hole fails with ESPIPE, since an image is a stream',
  needs,
  async (t) => {
    const { python } = await migration(t)
    const script = `
os.mkdir('s/1')
image = create('s/1/a.img')
report(os.write(image, b'begin'), tried(os.pwrite, image, b'far', 100), tried(os.pwrite, image, b'again', 0), tried(os.ftruncate, image, 2))
report(os.write(image, b'+end'))
os.close(image)
report(open('d/1/a.img').read())`
    t.equal(await python(script), '5 ESPIPE ESPIPE ENOTSUP\n4\nbegin+end')
  },
)

t.test(
  'dump: signals during writes and reads (children that exit) do not disturb them',
  needs,
  async (t) => {
    const { python } = await migration(t)
    const script = `
import signal
caught = []
signal.signal(signal.SIGALRM, lambda *_: caught.append(1))
os.mkdir('s/1')
whole = os.urandom(8 << 20)
signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
image = create('s/1/a.img')
written = 0
while written < len(whole): written += os.write(image, whole[written:])
os.close(image)
same = [open(f'{side}/1/a.img', 'rb').read() == whole for side in ('s', 'd')]
signal.setitimer(signal.ITIMER_REAL, 0)
report(same, len(caught) > 0)`
    t.equal(await python(script), '[True, True] True')
  },
)

t.test('an append adds to the bytes that the proxy has of an image', needs, async (t) => {
  const { sh } = await migration(t)
  t.equal(
    await sh(
      'mkdir s/1; echo 1 > s/1/a.img; (echo 2; echo 3) >> s/1/a.img; cat s/1/a.img d/1/a.img',
    ),
    '1\n2\n3\n1\n2\n3',
  )
})
