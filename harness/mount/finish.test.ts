import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { fakeServer, migration, needs, workspace } from '../testing/mounts.ts'

/**
 * Time, in ms, after which a request of this process was not made; it would take 1 ms.
 */
const NOTHING = 50

t.test(
  'end of a dump: DUMP_FINISH waits for open images, then the proxy ends cleanly',
  needs,
  async (t) => {
    const { sh, start, startPython, proxy, written } = await migration(t)
    const writer = startPython(`
os.mkdir('s/1')
images = [create(f's/1/{n}.img') for n in range(3)]
for image in images: os.write(image, b'first, ')
report('written')
sys.stdin.readline()
for image in images: os.write(image, b'last')`)
    await writer.printed('written')
    const finish = start('exec touch s/null/DUMP_FINISH')
    await finish.waiting()
    t.strictSame(written, [])
    writer.tell('go on')
    t.equal(await writer.output, 'written')
    t.equal(await finish.output, '')
    t.strictSame(written.slice(0, 3).sort(), ['1/0.img 11', '1/1.img 11', '1/2.img 11'])
    await proxy.finished
    t.equal(
      await sh('cat d/1/0.img; echo; cat d/1/2.img; cat d/1/3.img 2>/dev/null'),
      'first, last\nfirst, last\nexit 1',
    )
  },
)

const overtakers = {
  'the end of the dump': {
    script: 'exec touch s/null/DUMP_FINISH',
    afterwards: 'serve()',
    output: '',
  },
  'a read of the image': {
    script: 'exec cat s/1/pages.img',
    afterwards: "image = accept()\nsend(image, OK + b'all')\nend(image)\nserve()",
    output: 'all',
  },
}

for (const [request, { script, afterwards, output }] of Object.entries(overtakers)) {
  t.test(`dump: ${request} waits until the proxy has taken a closed image`, needs, async (t) => {
    const { directory, mount, sh, start } = await workspace(t)
    const slow = `
image = accept()
while image.recv(65536): pass
line()
print('overtaken' if is_called() else 'in order', flush=True)
end(image)
${afterwards}`
    const server = await fakeServer(t, directory, slow)
    await mount('s', server.socket, 'proxy')
    t.equal(await sh('mkdir s/1; printf all > s/1/pages.img'), '')
    const overtaker = start(script)
    await overtaker.waiting()
    await setTimeout(NOTHING)
    server.tell('take it')
    await server.printed('in order')
    t.equal(await overtaker.output, output)
  })
}

t.test(
  'end of a dump: a touch that opens for reading and writing ends the proxy as well',
  needs,
  async (t) => {
    const { startPython, proxy } = await migration(t)
    const touch = startPython(
      "os.close(os.open('s/null/DUMP_FINISH', os.O_RDWR | os.O_CREAT, 0o666))",
    )
    t.equal(await touch.output, '')
    await proxy.finished
  },
)

t.test(
  'end of a dump: an image of 30 MiB that was closed just before is whole at the cache',
  needs,
  async (t) => {
    const { sh, proxy } = await migration(t)
    const script = `
    head -c 30M /dev/urandom > local; mkdir s/1
    dd if=local of=s/1/pages.img bs=1M status=none; touch s/null/DUMP_FINISH; dd if=d/1/pages.img bs=1M status=none | cmp - local`
    t.equal(await sh(script), '')
    await proxy.finished
  },
)

t.test(
  'end of a dump: 400 small images that were closed just before are all at the cache',
  needs,
  async (t) => {
    const { python, proxy } = await migration(t)
    const script = `
os.mkdir('s/1')
for n in range(400): open(f's/1/{n}.img', 'w').write(str(n))
open('s/null/DUMP_FINISH', 'w').close()
report(sum(open(f'd/1/{n}.img').read() == str(n) for n in range(400)))`
    t.equal(await python(script), '400')
    await proxy.finished
  },
)

t.test(
  'end of a dump: without the finish the proxy keeps running, as between pre-dumps',
  needs,
  async (t) => {
    const { sh, proxy } = await migration(t)
    t.equal(
      await sh(
        'mkdir s/1; echo a > s/1/a.img; cat d/1/a.img; mkdir s/2; ln -s ../1 s/2/parent; echo b > s/2/b.img; cat d/2/b.img',
      ),
      'a\nb',
    )
    t.equal(await Promise.race([proxy.finished.then(() => 'ended'), sh('cat s/1/a.img')]), 'a')
  },
)

t.test(
  'end of a restore: a read of RESTORE_FINISH ends the cache after the proxy has ended',
  needs,
  async (t) => {
    const { sh, proxy, cache } = await migration(t)
    t.equal(
      await sh('mkdir s/1; echo a > s/1/a.img; cat d/null/RESTORE_FINISH; cat d/1/a.img'),
      'a',
    )
    t.equal(await Promise.race([cache.finished.then(() => 'ended'), sh('cat d/1/a.img')]), 'a')
    t.equal(await sh('touch s/null/DUMP_FINISH'), '')
    await proxy.finished
    await cache.finished
    t.match(await sh('cat d/1/a.img'), 'Input/output error')
  },
)

t.test(
  'end of a restore: the cache ends if the proxy ends before the read of RESTORE_FINISH',
  needs,
  async (t) => {
    const { sh, proxy, cache } = await migration(t)
    t.equal(await sh('mkdir s/1; echo a > s/1/a.img; touch s/null/DUMP_FINISH'), '')
    await proxy.finished
    t.equal(await sh('cat d/1/a.img; cat < d/null/RESTORE_FINISH'), 'a')
    await cache.finished
  },
)
