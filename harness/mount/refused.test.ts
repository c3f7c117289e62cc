import t from 'tap'
import { readImage } from '../../reference/client.ts'
import { migration, needs } from '../testing/mounts.ts'

t.test(
  'dump: unlink of an image that was never created is ENOENT and creates none at the proxy',
  needs,
  async (t) => {
    const { python, directory } = await migration(t)
    t.equal(
      await python(
        "os.mkdir('s/1')\nreport(tried(os.unlink, 's/1/tty.img'), tried(os.unlink, 's/2/tty.img'))",
      ),
      'ENOENT ENOENT',
    )
    t.equal(await readImage(`${directory}/proxy.sock`, '1', 'tty.img'), undefined)
  },
)

t.test(
  'dump: an open image that is unlinked before its first byte (a failed tool) never exists',
  needs,
  async (t) => {
    const { python, sh, directory, proxy, written } = await migration(t)
    const script = `
os.mkdir('s/1')
image = create('s/1/nftables.img')
report(tried(os.unlink, 's/1/nftables.img'), os.write(image, b'into the void'), os.write(image, b'again'))
os.close(image)
report(tried(os.open, 's/1/nftables.img', os.O_RDONLY), tried(os.unlink, 's/1/nftables.img'), os.listdir('s/1'))`
    t.equal(await python(script), 'None 13 5\nENOENT ENOENT []')
    t.equal(await sh('touch s/null/DUMP_FINISH'), '')
    await proxy.finished
    t.equal(await readImage(`${directory}/cache.sock`, '1', 'nftables.img'), undefined)
    t.strictSame(written.slice(0, 1), ['null/DUMP_FINISH 0'].slice(0, written.length))
  },
)

t.test(
  'dump: an image that was unlinked before its first byte can be created again',
  needs,
  async (t) => {
    const { python } = await migration(t)
    const script = `
os.mkdir('s/1')
image = create('s/1/a.img')
os.unlink('s/1/a.img')
os.close(image)
image = create('s/1/a.img')
os.write(image, b'second')
os.close(image)
report(open('s/1/a.img').read(), open('d/1/a.img').read())`
    t.equal(await python(script), 'second second')
  },
)

t.test(
  'dump: unlink of an image whose bytes were sent is EPERM, since the protocol cannot remove it',
  needs,
  async (t) => {
    const { python } = await migration(t)
    const script = `
os.mkdir('s/1')
image = create('s/1/a.img')
os.write(image, b'sent')
report(tried(os.unlink, 's/1/a.img'))
os.close(image)
report(tried(os.unlink, 's/1/a.img'))
again = create('s/1/a.img')
report(tried(os.unlink, 's/1/a.img'))
os.write(again, b'kept')
os.close(again)
report(open('s/1/a.img').read(), open('d/1/a.img').read())`
    t.equal(await python(script), 'EPERM\nEPERM\nEPERM\nkept kept')
  },
)

t.test(
  '--auto-dedup: opening an image for reading and writing, and punching holes, is EOPNOTSUPP',
  needs,
  async (t) => {
    const { python } = await migration(t)
    const script = `
import ctypes
os.mkdir('s/1')
image = create('s/1/pages.img')
os.write(image, b'pages')
KEEP_SIZE_PUNCH_HOLE = 3
libc = ctypes.CDLL(None, use_errno=True)
report(libc.fallocate(image, KEEP_SIZE_PUNCH_HOLE, ctypes.c_long(0), ctypes.c_long(4)), errno.errorcode[ctypes.get_errno()])
os.close(image)
report(tried(os.open, 's/1/pages.img', os.O_RDWR), tried(os.open, 'd/1/pages.img', os.O_RDWR), tried(os.truncate, 's/1/pages.img', 2))
report(open('d/1/pages.img').read())`
    t.equal(await python(script), '-1 ENOTSUP\nENOTSUP ENOTSUP ENOTSUP\npages')
  },
)

t.test('restore: opening an image of a cache for writing is EROFS', needs, async (t) => {
  const { python } = await migration(t)
  const script = `
report(tried(create, 'd/1/a.img'), tried(os.open, 'd/1/a.img', os.O_WRONLY | os.O_APPEND), tried(create, 'd/null/DUMP_FINISH'))`
  t.equal(await python(script), 'EROFS EROFS EROFS')
})

t.test('sockets, devices, links and renames are refused among the images', needs, async (t) => {
  const { python } = await migration(t)
  const script = `
import stat
os.mkdir('s/1')
os.close(create('s/1/a.img'))
open('s/1/dump.log', 'w').write('log')
report(tried(socket.socket(socket.AF_UNIX).bind, 's/1/lazy-pages.socket'), tried(os.mkfifo, 's/1/fifo'), tried(os.mknod, 's/1/node'))
report(tried(os.link, 's/1/a.img', 's/1/b.img'), tried(os.mkdir, 's/1/inner'), tried(os.rmdir, 's/1'))
report(tried(os.rename, 's/1/a.img', 's/1/b.img'), tried(os.rename, 's/1/dump.log', 's/1/old.log'), tried(os.rename, 's/1', 's/2'))
report(open('s/1/dump.log').read(), os.path.exists('s/1/a.img'), os.path.exists('s/1/b.img'))`
  const refused =
    /^(E[A-Z]+ ){2}E[A-Z]+\n(E[A-Z]+ ){2}E[A-Z]+\n(E[A-Z]+ ){2}E[A-Z]+\nlog True False$/
  t.match(await python(script), refused)
})

t.test(
  'names in UTF-8 are accepted, as in the protocol; other names are EILSEQ',
  needs,
  async (t) => {
    const { python } = await migration(t)
    const script = `
os.mkdir('s/ключ')
name = 's/ключ/файл с пробелом.img'
open(name, 'w').write('text')
report(open(name).read(), open('d/' + name[2:]).read(), os.listdir('s/ключ') == [name[7:]])
report(tried(os.stat, b's/1\\xff'), tried(os.open, b's/1\\xff/a.img', os.O_RDONLY))`
    t.equal(await python(script), 'text text True\nEILSEQ EILSEQ')
  },
)
