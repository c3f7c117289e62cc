import t from 'tap'
import { CriuError, criu } from '../harness/criu/criu.ts'
import { checkout } from '../harness/hosts/checkout.ts'
import { type Host, output, shell } from '../harness/hosts/host.ts'
import type { Descriptor } from '../harness/implementation/descriptor.ts'
import { referenceDescriptor } from '../harness/implementation/start.ts'
import type { Migration } from '../harness/migration/migration.ts'
import { isAlive } from '../harness/migration/target-process.ts'
import { countsBeyond, onRealCriu, statusOf } from '../harness/testing/real-criu.ts'

/*
 * The losses of a user whose implementation breaks a clause. Each scenario runs with the sound
 * reference, which loses nothing, and with a fault of harness/suite-check/faults/. CRIU is real.
 * The sentences of `Clause.loss` for L10, L7, E1a and E1b tell these losses.
 */

/** How long criu, a copy or a daemon may take in a scenario, in ms. */
const TIMEOUT = 30_000

/**
 * Shell script: opens image $1 and reports it, waits for a line in the pipe $2, and copies the
 * image to $3.
 */
const COPY = 'exec 3<"$1" && echo open && read -r _ <"$2" && exec cat <&3 >"$3"'

/** Shell script: waits until a log $1 has 100 reads that returned no byte. Fails after 20 s. */
const READS_NOTHING = `timeout 20 sh -c '
  until [ "$(grep -c "returned 0$" "$1" 2>/dev/null)" -gt 100 ]; do sleep 0.05; done
' sh "$@"`

await onRealCriu(async ({ source, destination, migration, program }) => {
  const start = (fault: string | undefined) =>
    migration({ descriptor: descriptorOf(source, fault), criuTimeout: TIMEOUT })
  const kill = (host: Host, pid: number) => shell(host, 'kill -9 "$1"', [String(pid)])

  /** Dumps without the commit gate, finishes the dump, and checks that the proxy exits 0. */
  async function dumpsUngated(fault?: string) {
    const { pid, status } = await program('counter', 8)
    const it = await start(fault)
    await it.dump(pid, { gate: false })
    await it.finishDump()
    return { it, pid, status, isAtSource: await isAlive(source, pid) }
  }

  await t.test('nothing is lost with the reference, even without the commit gate', async (t) => {
    const { it, pid, status } = await dumpsUngated()
    t.equal(await it.restore(), pid)
    await it.finishRestore()
    const [, before] = await statusOf(source, status)
    await countsBeyond(destination, status, Number(before) + 70)
    t.equal((await statusOf(destination, status)).at(-1), 'ok', 'every page is there')
    await kill(destination, pid)
    await it.stop()
  })

  await t.test('E1a: neither host has the process if the finish overtakes writes', async (t) => {
    const { it, pid, isAtSource } = await dumpsUngated('finish-forgets-forwards')
    t.notOk(isAtSource, 'the dump succeeds, the proxy exits 0, and the process is gone')
    await t.rejects(it.restore(), CriuError, 'the restore lacks images')
    t.notOk(await isAlive(destination, pid), 'the process is on neither host')
    await it.stop()
  })

  await t.test('E1a: the commit gate keeps the process although images are late', async (t) => {
    const { pid } = await program('counter', 1)
    const it = await start('finish-forgets-forwards')
    await it.dump(pid)
    await it.finishDump()
    t.equal(await it.restore(), pid, 'the dump ends after every image has arrived')
    await kill(destination, pid)
    await it.stop()
  })

  await t.test('L7: a restore never ends if a cut image looks whole', async (t) => {
    const { it, pid, status, isAtSource } = await dumpsUngated('full-buffer-is-the-end')
    t.notOk(isAtSource, 'the dump succeeds, and the process is gone from the source')
    const restored = it.restore()
    const failed = t.rejects(restored, CriuError, 'only a kill ends the restore')
    const log = `${it.destination.work}/restore.log`
    const ended = restored.then(
      () => 'the restore ends',
      () => 'the restore fails',
    )
    const repeats = shell(destination, READS_NOTHING, [log]).then(() => 'criu repeats a read')
    t.equal(
      await Promise.race([ended, repeats]),
      'criu repeats a read',
      'it gets no byte each time',
    )
    await kill(destination, pid)
    await failed
    await t.rejects(statusOf(destination, status), 'the process did not run at the destination')
    await it.stop()
  })

  for (const { fault, title } of [
    { fault: undefined, title: 'L10: a dump with a parent finds its parent in the list' },
    {
      fault: 'append-seen-at-the-next',
      title: 'L10: a dump with a parent fails if the list lacks a closed append',
    },
  ]) {
    await t.test(title, async (t) => {
      const [one, next] = [await program('counter', 1), await program('counter', 1)]
      const it = await start(fault)
      await dumpRunning(it, one.pid)
      const dump = dumpRunning(it, next.pid, ['--prev-images-dir', '../1'])
      if (fault === undefined) await t.resolves(dump)
      else await t.rejects(dump, CriuError)
      const link = `${it.source.mount.directory}/2/parent`
      const parent = (await shell(source, 'readlink "$1" || :', [link])).trim()
      t.equal(parent, fault === undefined ? '../1' : '')
      const [, before] = await statusOf(source, next.status)
      await countsBeyond(source, next.status, Number(before) + 10)
      for (const { pid } of [one, next]) await kill(source, pid)
      await it.stop()
    })
  }

  for (const { fault, title } of [
    { fault: undefined, title: 'E1b: a copy that runs at the finish is whole' },
    { fault: 'finish-cuts-readers', title: 'E1b: a copy is cut with exit 0 if the finish cuts it' },
  ]) {
    await t.test(title, async (t) => {
      const { pid } = await program('counter', 8)
      const it = await start(fault)
      await it.dump(pid, { leave: 'running' })
      const { mount, work, daemon } = it.destination
      const [image, go, backup] = [`${mount.directory}/1/pages-1.img`, `${work}/go`, `${work}/copy`]
      await output(destination, ['mkfifo', go])
      const open = Promise.withResolvers<void>()
      const copy = await destination.start(['sh', '-c', COPY, 'sh', image, go, backup], {
        onLine: () => open.resolve(),
      })
      await open.promise
      await shell(destination, 'cat <"$1"', [`${mount.directory}/null/RESTORE_FINISH`])
      await shell(destination, 'echo go >"$1"', [go])
      t.equal((await copy.exited).code, 0, 'the copy exits 0')
      const whole = await output(source, ['cksum', `${it.source.mount.directory}/1/pages-1.img`])
      const copied = await output(destination, ['cksum', backup])
      const isWhole = sumAndSize(copied) === sumAndSize(whole)
      t.equal(isWhole, fault === undefined, `${sumAndSize(copied)} of ${sumAndSize(whole)}`)
      await it.finishDump()
      t.equal((await daemon.process.exited).code, 0, 'the cache exits 0')
      await kill(source, pid)
      await it.stop()
    })
  }
})

/**
 * Dumps a process that runs on, as the next snapshot. The kernel may lack soft-dirty bits, so no
 * memory is tracked, and CRIU then refuses an increment of the same process: the process of a
 * second snapshot is another one.
 */
async function dumpRunning(
  { source: { host, mount, work } }: Migration,
  pid: number,
  parent: readonly string[] = [],
): Promise<void> {
  const images = `${mount.directory}/${parent.length === 0 ? 1 : 2}`
  const options = ['-t', String(pid), '--leave-running', ...parent]
  await output(host, ['mkdir', images])
  await criu('dump', { host, criu: 'criu', images, work, options, timeout: TIMEOUT })
}

/** Returns the descriptor of the reference, or of the reference with a fault. */
function descriptorOf(host: Host, fault: string | undefined): Descriptor {
  const reference = referenceDescriptor(host)
  if (fault === undefined) return reference
  const mutant = [...host.node, `${checkout}/harness/suite-check/run-mutant.ts`, fault]
  return {
    ...reference,
    name: fault,
    proxy: { command: [...mutant, 'proxy', '--socket', '{socket}', '--connect', '{host}:{port}'] },
    cache: { command: [...mutant, 'cache', '--socket', '{socket}', '--listen', '{host}:{port}'] },
  }
}

/** Returns the checksum and the size that cksum has printed. */
function sumAndSize(line: string): string {
  return line.split(' ').slice(0, 2).join(', ')
}
