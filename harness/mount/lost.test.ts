import t from 'tap'
import { daemon, fakeServer, migration, needs, workspace } from '../testing/mounts.ts'

/*
 * CRIU takes the end of the bytes for the end of the image, and ignores the result of close(2). So
 * the loss of a server must be an error of the read or write itself, and of the end of the dump.
 */

const HALF = "image = accept()\nsend(image, OK + b'half')\n"
const readers = {
  'fstat, with which cat begins': 'report(tried(os.stat, image))',
  'read of the whole image': 'report(tried(os.read, image, 8))',
  'read of the bytes that arrived, then of the rest':
    'assert os.read(image, 4) == b"half"\nreport(tried(os.read, image, 4))',
  'pread after the bytes that arrived': 'report(tried(os.pread, image, 4, 4))',
  'preadv (pages)': 'report(tried(os.preadv, image, [bytearray(2), bytearray(6)], 0))',
  'sendfile (ghost files)':
    "copy = create('copy')\nreport(tried(os.sendfile, copy, image, 0, 8) in (4, 'EIO'), tried(os.sendfile, copy, image, 4, 8))",
}

for (const [access, read] of Object.entries(readers)) {
  t.test(
    `restore: a cache that dies inside an image is EIO, never the end of the image: ${access}`,
    needs,
    async (t) => {
      const { directory, mount, python } = await workspace(t)
      const server = await fakeServer(t, directory, `${HALF}die()`)
      await mount('d', server.socket, 'cache')
      t.match(
        await python(`image = os.open('d/1/pages.img', os.O_RDONLY)\n${read}`),
        /^(True )?EIO$/,
      )
    },
  )
}

t.test(
  'restore: a cache that dies while a task waits for an image is EIO, never ENOENT',
  needs,
  async (t) => {
    const { directory, mount, startPython } = await workspace(t)
    const server = await fakeServer(t, directory, 'image = accept()\nline()\ndie()')
    await mount('d', server.socket, 'cache')
    const reader = startPython("report(tried(os.open, 'd/1/pages.img', os.O_RDONLY))")
    await reader.waiting()
    server.tell('die')
    t.equal(await reader.output, 'EIO')
  },
)

t.test(
  'restore: a close by the same server is the end of the image if the server keeps running',
  needs,
  async (t) => {
    const { directory, mount, sh } = await workspace(t)
    const server = await fakeServer(t, directory, `${HALF}end(image)\nserve()`)
    await mount('d', server.socket, 'cache')
    t.equal(await sh('cat d/1/pages.img'), 'half')
  },
)

t.test('restore: without a cache every access is EIO, never ENOENT', needs, async (t) => {
  const { sh, python, cache } = await migration(t)
  t.equal(await sh('mkdir s/1; echo a > s/1/a.img; cat d/1/a.img'), 'a')
  await cache.stop('lost')
  const script = `
for path in ['d/1/a.img', 'd/1/b.img', 'd/null/RESTORE_FINISH']: report(tried(os.open, path, os.O_RDONLY))
report(tried(os.stat, 'd/1/b.img'), tried(os.readlink, 'd/1/parent'))`
  t.equal(await python(script), 'EIO\nEIO\nEIO\nEIO EIO')
})

t.test('dump: without a proxy every access is EIO, never ENOENT', needs, async (t) => {
  const { sh, python, proxy } = await migration(t)
  t.equal(await sh('mkdir s/1 s/2; echo a > s/1/a.img'), '')
  await proxy.stop('lost')
  const script = `
report(tried(os.open, 's/1/a.img', os.O_RDONLY), tried(os.open, 's/1/b.img', os.O_RDONLY), tried(os.stat, 's/1/b.img'))
image = create('s/1/c.img')
report(tried(os.write, image, b'c'), tried(os.write, image, b'c'), tried(os.close, image))
report(tried(create, 's/2/a.img'), tried(os.symlink, '../1', 's/2/parent'))`
  t.equal(await python(script), 'EIO EIO EIO\nEIO EIO None\nEIO EIO')
})

t.test(
  'dump: after a proxy is killed inside an image every write is EIO, and so is the end of the dump',
  needs,
  async (t) => {
    const place = await workspace(t)
    const proxy = await daemon(t, place)
    await place.mount('s', proxy.socket, 'proxy')
    const writer = place.startPython(`
os.mkdir('s/1')
image = create('s/1/pages.img')
report(os.write(image, b'half'))
sys.stdin.readline()
report(*[tried(os.write, image, b'more') for turn in range(3)], tried(os.pwrite, image, b'more', 4))
os.close(image)
report(tried(create, 's/null/DUMP_FINISH'))`)
    await writer.printed('4\n')
    proxy.kill('SIGKILL')
    await proxy.output
    writer.tell('go on')
    t.equal(await writer.output, '4\nEIO EIO EIO EIO\nEIO')
    t.strictSame(place.written, [])
  },
)

t.test(
  'dump: the end of the dump is EIO if the proxy dies between the last byte and the end of an image',
  needs,
  async (t) => {
    const { directory, mount, startPython } = await workspace(t)
    const server = await fakeServer(t, directory, 'image = accept()\nline()\ndie()')
    await mount('s', server.socket, 'proxy')
    const writer = startPython(`
os.mkdir('s/1')
image = create('s/1/pages.img')
report(os.write(image, b'all'))
sys.stdin.readline()
os.close(image)
report(tried(create, 's/null/DUMP_FINISH'))`)
    await writer.printed('3\n')
    server.tell('die')
    await server.output
    writer.tell('go on')
    t.equal(await writer.output, '3\nEIO')
  },
)

t.test(
  'dump: the end of the dump is EIO if the proxy dies after it took all images',
  needs,
  async (t) => {
    const { sh, proxy } = await migration(t)
    t.equal(await sh('mkdir s/1; echo a > s/1/a.img; cat s/1/a.img'), 'a')
    await proxy.stop('lost')
    t.match(await sh('touch s/null/DUMP_FINISH'), 'Input/output error')
  },
)

t.test(
  'dump: the end of the dump is EIO after a lost image, unless the image was written again',
  needs,
  async (t) => {
    const place = await workspace(t)
    const first = await daemon(t, place)
    await place.mount('s', first.socket, 'proxy')
    const finish = 'touch s/null/DUMP_FINISH 2>&1 | grep -o "Input/output error"'
    const writer = place.start(
      'mkdir s/1; exec 5> s/1/a.img; echo half >&5; echo written; read _; echo more >&5; exec 5>&-',
    )
    await writer.printed('written')
    first.kill('SIGKILL')
    await first.output
    writer.tell('go on')
    t.match(await writer.output, 'Input/output error')
    await daemon(t, place)
    t.equal(await place.sh(finish), 'Input/output error')
    t.equal(await place.sh('echo whole > s/1/a.img; touch s/null/DUMP_FINISH'), '')
    t.strictSame(place.written.slice(0, 1), ['1/a.img 6'])
  },
)
