import t from 'tap'
import { CriuError } from '../harness/criu/criu.ts'
import { type Host, output, run, shell } from '../harness/hosts/host.ts'
import { imagesOnDisk, markTime } from '../harness/migration/images-on-disk.ts'
import type { Migration } from '../harness/migration/migration.ts'
import type { WrittenImage } from '../harness/migration/start-mount.ts'
import { isAlive } from '../harness/migration/target-process.ts'
import { countsBeyond, onRealCriu, statusOf } from '../harness/testing/real-criu.ts'

/* Migrations by a real CRIU with the reference between two containers, and failed ones. */

/**
 * Shell script: kills process $2 as soon as a part of image $1 has been written. Exits with an
 * error after 30 s.
 */
const HALF_WAY = `timeout 30 sh -c '
  until [ "$(stat -c %s "$1" 2>/dev/null || echo 0)" -gt 1000000 ]; do :; done
  kill -9 "$2"
' sh "$@"`

await onRealCriu(async ({ source, destination, migration, program }) => {
  await t.test(
    'a process with 64 MiB of checksummed memory goes on counting, and no image is a file',
    async (t) => {
      const marks = await Promise.all([source, destination].map(markTime))
      const { pid, status } = await program('counter', 64)
      const written: WrittenImage[] = []
      const it = await migration({ onImage: (image) => void written.push(image) })
      await it.dump(pid)
      await it.finishDump()
      t.notOk(await isAlive(source, pid), 'the process is gone from the source')
      const [, before] = await statusOf(source, status)
      t.equal(await it.restore(), pid, 'the process keeps its pid')
      await it.finishRestore()
      await countsBeyond(destination, status, Number(before) + 100)
      t.match(
        await statusOf(destination, status),
        [String(pid), /\d+/, 'ok'],
        'its memory is intact',
      )
      t.ok(sum(written) > 64 * 2 ** 20, 'its memory went through the proxy')
      const except = [it.source.mount.directory, it.destination.mount.directory]
      for (const [side, host] of [source, destination].entries()) {
        t.same(
          await imagesOnDisk(host, marks[side] as string, except[side] as string),
          [],
          `no image is a file on the ${host.name}`,
        )
        t.match(
          await output(host, ['findmnt', '-no', 'OPTIONS', '/']),
          /^ro,/,
          'no image can be on its disk',
        )
      }
      await end(destination, pid, it)
    },
  )

  await t.test('a restore that starts before the dump waits for it', async (t) => {
    const { pid, status } = await program('counter', 8)
    const it = await migration()
    let restored = false
    const restoring = it.restore('1').finally(() => {
      restored = true
    })
    restoring.catch(() => {})
    await waitsForInventory(destination, it)
    t.notOk(restored, 'the restore waits')
    await it.dump(pid)
    t.notOk(restored, 'the restore goes on waiting for images that may still come')
    await it.finishDump()
    t.equal(await restoring, pid)
    await it.finishRestore()
    const [, before] = await statusOf(source, status)
    await countsBeyond(destination, status, Number(before) + 20)
    await end(destination, pid, it)
  })

  await t.test(
    'if the proxy dies half way, the process lives on and no partial image is served',
    async (t) => {
      const { pid, status } = await program('counter', 256)
      const it = await migration()
      const pages = `${it.source.mount.directory}/1/pages-1.img`
      const killer = await source.start([
        'sh',
        '-c',
        HALF_WAY,
        'sh',
        pages,
        String(it.source.daemon.process.pid),
      ])
      await t.rejects(it.dump(pid), CriuError, 'the dump fails')
      t.equal((await killer.exited).code, 0, 'the proxy dies while it receives the pages')
      const [, before] = await statusOf(source, status)
      await countsBeyond(source, status, Number(before) + 100)
      t.match(
        await statusOf(source, status),
        [String(pid), /\d+/, 'ok'],
        'the process lives on at the source',
      )
      const served = await run(
        destination,
        ['cat', `${it.destination.mount.directory}/1/pages-1.img`],
        { timeout: 10_000 },
      )
      t.match(
        served,
        { code: 1, stdout: '', stderr: /No such file/ },
        'the cache has no part of the pages',
      )
      await t.rejects(
        it.restore(),
        { name: 'CriuError', message: /criu restore on destination: exit 1: .*Error.*/ },
        'the restore fails with a clear error',
      )
      await shell(source, 'kill -9 "$1"', [String(pid)])
      await it.stop()
    },
  )

  await t.test(
    'if the cache dies before it has every image, the commit gate keeps the process alive',
    async (t) => {
      const { pid, status } = await program('counter', 8)
      const cache: { pid?: number } = {}
      const kills: Promise<string>[] = []
      const it = await migration({
        onImage({ image }) {
          if (image === '1/inventory.img')
            kills.push(shell(destination, 'kill -9 "$1"', [String(cache.pid)]))
        },
      })
      cache.pid = it.destination.daemon.process.pid
      await shell(destination, 'kill -STOP "$1"', [String(cache.pid)])
      await t.rejects(
        it.dump(pid),
        { name: 'CriuError', message: /criu dump on source/ },
        'the dump fails, although it has written every image',
      )
      await Promise.all(kills)
      const [, before] = await statusOf(source, status)
      await countsBeyond(source, status, Number(before) + 100)
      t.match(
        await statusOf(source, status),
        [String(pid), /\d+/, 'ok'],
        'the process lives on at the source',
      )
      await shell(source, 'kill -9 "$1"', [String(pid)])
      await it.stop()
    },
  )

  await t.test('a tree of 20 processes with pipes and shared memory migrates', async (t) => {
    const { pid, status } = await program('tree', 20)
    const it = await migration()
    await it.dump(pid)
    await it.finishDump()
    const [, before] = await statusOf(source, status)
    t.equal(await it.restore(), pid)
    await it.finishRestore()
    await countsBeyond(destination, status, Number(before) + 100)
    t.match(
      await statusOf(destination, status),
      [String(pid), /\d+/, '20', 'ok'],
      'the token goes round through all processes',
    )
    await end(destination, pid, it)
  })

  await t.test('two migrations run at once between the same two hosts', async (t) => {
    const programs = [await program('counter', 32), await program('tree', 5)]
    await Promise.all(
      programs.map(async ({ pid, status }) => {
        const it = await migration()
        await it.dump(pid)
        await it.finishDump()
        t.equal(await it.restore(), pid)
        await it.finishRestore()
        const [, before] = await statusOf(source, status)
        await countsBeyond(destination, status, Number(before) + 50)
        t.equal((await statusOf(destination, status)).at(-1), 'ok')
        await end(destination, pid, it)
      }),
    )
  })
})

/** Waits until criu has begun a restore, whose first step is the open of an image. */
async function waitsForInventory(host: Host, { destination: { work } }: Migration): Promise<void> {
  await shell(
    host,
    'timeout 30 sh -c \'until [ -s "$1/restore.log" ]; do sleep 0.02; done\' sh "$@"',
    [work],
  )
}

/** Kills the migrated process and stops the daemons and mounts. */
async function end(host: Host, pid: number, migration: Migration): Promise<void> {
  await shell(host, 'kill -9 "$1"', [String(pid)])
  await migration.stop()
}

/** Returns the number of bytes in all images. */
function sum(written: WrittenImage[]): number {
  return written.reduce((total, { bytes }) => total + bytes, 0)
}
