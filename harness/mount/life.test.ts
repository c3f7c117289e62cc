import { execa } from 'execa'
import t from 'tap'
import { type Started, until } from '../testing/command.ts'
import { CLI, type Migration, migration, mountsBelow, needs } from '../testing/mounts.ts'

t.test(
  'user namespaces: another user reads images and logs, and writes to an image that it inherited',
  needs,
  async (t) => {
    const { sh } = await migration(t)
    const other = 'setpriv --reuid 65534 --regid 65534 --clear-groups'
    const script = `
    mkdir s/1; echo log > s/1/dump.log; ${other} id -u; ${other} sh -c 'echo image' > s/1/a.img
    for side in s d; do ${other} cat $side/1/a.img; done; ${other} cat s/1/dump.log; ${other} ls s/1`
    t.equal(await sh(script), '65534\nimage\nimage\nlog\na.img\ndump.log')
  },
)

t.test('a failed migration: an unmount ends open files and waiting tasks', needs, async (t) => {
  const { start, startPython, source, destination, directory } = await migration(t)
  const writer = startPython(`
os.mkdir('s/1')
image = create('s/1/a.img')
os.write(image, b'half')
report('written')
sys.stdin.readline()
report(tried(os.write, image, b'more'), tried(os.close, image))`)
  const waiting = start('exec cat d/1/b.img')
  await Promise.all([writer.printed('written'), waiting.waiting()])
  await Promise.all([source.unmount(), destination.unmount()])
  t.strictSame(await mountsBelow(directory), [])
  t.match(await waiting.output, /cat: d\/1\/b.img: .*\nexit 1/)
  writer.tell('go on')
  t.match(
    await writer.output,
    /^written\n(ENOTCONN|ECONNABORTED|EIO) (None|ENOTCONN|ECONNABORTED|EIO)$/,
  )
})

t.test('umount by another process ends the session', needs, async (t) => {
  const { sh, source, directory } = await migration(t)
  t.equal(await sh('mkdir s/1; echo a > s/1/a.img; umount s'), '')
  await source.closed
  t.strictSame(await mountsBelow(directory), [`${directory}/d`])
  await source.unmount()
})

t.test('a failed mount rejects with the reason and leaves nothing', needs, async (t) => {
  const { sh, mount, directory, source } = await migration(t)
  await t.rejects(mount('none/none', 'no.sock', 'proxy'))
  t.equal(await sh('ls s'), '')
  await source.unmount()
  t.strictSame(await mountsBelow(directory), [`${directory}/d`])
})

t.test(
  'a crash: the mount of a killed process is unmounted, which ends waiting tasks',
  needs,
  async (t) => {
    const place = await migration(t)
    const mounter = await ownProcess(place, '--cache cache.sock')
    const reader = place.start('exec cat m/1/b.img')
    await reader.waiting()
    mounter.kill('SIGKILL')
    await mounter.output
    await until(async () => !(await mountsBelow(place.directory)).includes(`${place.directory}/m`))
    t.match(await reader.output, /cat: m\/1\/b.img: .*\nexit 1/)
  },
)

t.test('the end: a signal unmounts in spite of open files, with exit code 0', needs, async (t) => {
  const place = await migration(t)
  const mounter = await ownProcess(place, '--proxy proxy.sock')
  const writer = place.start(
    'mkdir m/1; exec 5> m/1/a.img 6> m/1/dump.log; echo half >&5; echo written; read _; echo more >&6',
  )
  await writer.printed('written')
  mounter.kill('SIGTERM')
  t.equal(await mounter.output, '{"ready":true,"directory":"m"}')
  t.notOk((await mountsBelow(place.directory)).includes(`${place.directory}/m`))
  writer.tell('go on')
  t.match(await writer.output, /^written\n.*error: .*\nexit 1$/)
})

t.test('SIGTERM ends the mount while an open waits for an image', needs, async (t) => {
  const place = await migration(t)
  const mounter = await ownProcess(place, '--cache cache.sock')
  const reader = place.start('exec cat m/1/a.img')
  await reader.waiting()
  mounter.kill('SIGTERM')
  t.equal(await mounter.output, '{"ready":true,"directory":"m"}')
  t.match(await reader.output, /cat: m\/1\/a.img: .*\nexit 1/)
})

t.test('no mount of these tests is left at their end', needs, async (t) => {
  const { stdout } = await execa('findmnt', ['-rn', '-t', 'fuse', '-o', 'SOURCE,TARGET'], {
    reject: false,
  })
  const ours = stdout.split('\n').filter((line) => line.includes(`/mount-${process.pid}-`))
  t.strictSame(ours, [])
})

/** A mount at `m` by the command line's process. */
async function ownProcess({ start, sh, directory }: Migration, server: string): Promise<Started> {
  await sh('mkdir m')
  const mounter = start(
    `exec '${process.execPath}' --disable-warning=ExperimentalWarning '${CLI}' mount m ${server}`,
  )
  await mounter.printed('"ready":true')
  t.ok((await mountsBelow(directory)).includes(`${directory}/m`))
  return mounter
}
