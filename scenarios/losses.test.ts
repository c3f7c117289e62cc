import t from 'tap'
import { CriuError, criu } from '../harness/criu/criu.ts'
import { checkout } from '../harness/hosts/checkout.ts'
import { type Host, output, shell } from '../harness/hosts/host.ts'
import type { Descriptor } from '../harness/implementation/descriptor.ts'
import { referenceDescriptor } from '../harness/implementation/start.ts'
import type { Migration } from '../harness/migration/migration.ts'
import type { WrittenImage } from '../harness/migration/start-mount.ts'
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
 * Shell script: copies the images $4 and following from directory $1 to $3. It opens the last of
 * them first and reports it, and copies that image after a line has come through the pipe $2.
 */
const COPY = `
  from=$1 go=$2 to=$3
  shift 3
  for last; do :; done
  exec 3<"$from/$last" && echo open || exit
  for name; do [ "$name" = "$last" ] || cat <"$from/$name" >"$to/$name" || exit; done
  echo copied && read -r _ <"$go" && cat <&3 >"$to/$last"`

/** Shell script: waits until a log $1 has 100 reads that returned no byte. Fails after 20 s. */
const READS_NOTHING = `timeout 20 sh -c '
  until [ "$(grep -c "returned 0$" "$1" 2>/dev/null)" -gt 100 ]; do sleep 0.05; done
' sh "$@"`

/** The end of a restore whose image lacks bytes: CRIU reads again and gets none, for ever. */
const REPEATS = 'criu repeats a read that returns no byte'

await onRealCriu(async ({ source, destination, migration, program }) => {
  const start = (fault: string | undefined, onImage: (written: WrittenImage) => void = () => {}) =>
    migration({ descriptor: descriptorOf(source, fault), criuTimeout: TIMEOUT, onImage })
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
    t.equal(await it.restore(), pid, 'the process runs at the destination')
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
    const lost = { name: 'CriuError', tail: /No inventory\.img image/ }
    await t.rejects(it.restore(), lost, 'the restore lacks the last images')
    t.notOk(await isAlive(destination, pid), 'the process is on neither host')
    await it.stop()
  })

  await t.test('E1a: with the commit gate nothing is lost although images are late', async (t) => {
    const { pid } = await program('counter', 1)
    const it = await start('finish-forgets-forwards')
    await it.dump(pid)
    await it.finishDump()
    t.equal(await it.restore(), pid, 'the dump ended after every image had arrived')
    await kill(destination, pid)
    await it.stop()
  })

  await t.test('L7: a restore never ends if a cut image looks whole', async (t) => {
    const { it, pid, status, isAtSource } = await dumpsUngated('full-buffer-is-the-end')
    t.notOk(isAtSource, 'the dump succeeds, and the process is gone from the source')
    const restored = it.restore()
    const failed = t.rejects(restored, CriuError, 'only a kill ends the restore')
    const end = await endOfRestore(destination, it.destination.work, restored)
    t.equal(end, REPEATS, 'the missing pages never come')
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
      else
        await t.rejects(dump, {
          name: 'CriuError',
          tail: /Can't link parent snapshot: Invalid argument/,
        })
      const link = `${it.source.mount.directory}/2/parent`
      const parent = (await shell(source, 'readlink "$1" || :', [link])).trim()
      t.equal(parent, fault === undefined ? '../1' : '', 'the parent link')
      const [, before] = await statusOf(source, next.status)
      await countsBeyond(source, next.status, Number(before) + 10) // The process lives on.
      for (const { pid } of [one, next]) await kill(source, pid)
      await it.stop()
    })
  }

  for (const { fault, title } of [
    { fault: undefined, title: 'E1b: a copy that runs at the finish can be restored' },
    { fault: 'finish-cuts-readers', title: 'E1b: a copy that the finish cuts exits 0' },
  ]) {
    await t.test(title, async (t) => {
      const { pid, status } = await program('counter', 8)
      const images: string[] = []
      const it = await start(fault, ({ image }) => void images.push(image))
      await it.dump(pid, { leave: 'running' })
      await kill(source, pid)
      const { directory } = it.destination.mount
      const copy = await copyImages(destination, `${directory}/1`, pagesLast(images))
      await shell(destination, 'cat <"$1"', [`${directory}/null/RESTORE_FINISH`])
      t.equal(await copy.finish(), 0, 'the copy exits 0')
      await it.finishDump()
      t.equal((await it.destination.daemon.process.exited).code, 0, 'the cache exits 0')
      const restored = restoreFrom(destination, copy)
      const end = await endOfRestore(destination, copy.work, restored)
      t.equal(end, fault === undefined ? 'criu restores' : REPEATS, 'the restore from the copy')
      if (fault === undefined) await countsBeyond(destination, status, 10)
      await kill(destination, pid)
      if (fault !== undefined) await t.rejects(restored, CriuError)
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
  { source: { host, mount } }: Migration,
  pid: number,
  parent: readonly string[] = [],
): Promise<void> {
  const images = `${mount.directory}/${parent.length === 0 ? 1 : 2}`
  const work = await host.directory()
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

/** Returns the end of a restore that logs in the directory `work`. */
async function endOfRestore(host: Host, work: string, restored: Promise<unknown>): Promise<string> {
  const ended = restored.then(
    () => 'criu restores',
    (thrown) => `criu fails: ${thrown}`,
  )
  const repeats = shell(host, READS_NOTHING, [`${work}/restore.log`]).then(() => REPEATS)
  return Promise.race([ended, repeats.catch((thrown) => `criu goes on: ${thrown}`)])
}

/** A copy of a snapshot that has opened its last image, and waits before it copies that image. */
interface Copy {
  images: string
  /** Work directory of a restore. */
  work: string
  /** Copies the last image, and returns the exit code. */
  finish(): Promise<number>
}

/** Starts a copy of the named images of a mounted snapshot. */
async function copyImages(host: Host, from: string, names: readonly string[]): Promise<Copy> {
  const [images, work] = [await host.directory(), await host.directory()]
  const go = `${work}/go`
  await output(host, ['mkfifo', go])
  const waits = Promise.withResolvers<void>()
  const copy = await host.start(['sh', '-c', COPY, 'sh', from, go, images, ...names], {
    onLine: (line) => line === 'copied' && waits.resolve(),
  })
  const ended = copy.exited.then(({ code, stderr }) => {
    throw new Error(`copying images: exit ${code}: ${stderr}`)
  })
  await Promise.race([waits.promise, ended])
  return {
    images,
    work,
    async finish() {
      await shell(host, 'echo go >"$1"', [go])
      return (await copy.exited).code
    },
  }
}

/** Restores a process from a copy of its images. */
function restoreFrom(host: Host, { images, work }: Copy): Promise<void> {
  const options = ['--restore-detached']
  return criu('restore', { host, criu: 'criu', images, work, options, timeout: TIMEOUT })
}

/** Returns the names of the images of snapshot 1, that of the memory pages last. */
function pagesLast(images: readonly string[]): string[] {
  const [snapshot, pages] = ['1/', 'pages-1.img']
  const names = images.flatMap((image) =>
    image.startsWith(snapshot) ? image.slice(snapshot.length) : [],
  )
  return [...names.filter((name) => name !== pages), pages]
}
