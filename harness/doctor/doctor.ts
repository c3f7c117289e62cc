import { access, constants } from 'node:fs/promises'
import { breakpointsFire } from '../criu/breakpoints.ts'
import { containerPair } from '../hosts/container.ts'
import { type Host, lastLine, run } from '../hosts/host.ts'
import { defaultImage } from '../hosts/image.ts'
import { IMAGE_KERNEL } from '../vm/guest.ts'
import { startInVm } from '../vm/vm.ts'

/* Finds out by attempts which tests this machine can run. */

export interface Finding {
  /** Name of the feature. */
  what: string
  ok: boolean
  /** Whether a real migration is impossible without the feature. */
  needed: boolean
  /** The result of the attempt. */
  found: string
  /** Advice for a missing feature. */
  remedy?: string
}

const SET_UP = 'run the command under ci/with-engine, which starts an engine and builds the image'

/** Tries every feature and returns the findings. Takes half a minute without KVM. */
export async function examine(image = defaultImage()): Promise<Finding[]> {
  return [
    await examinePlatform(),
    await examineDevice('/dev/fuse', true),
    ...(await examineContainers(image)),
    await examineDevice('/dev/kvm', false),
  ]
}

async function examinePlatform(): Promise<Finding> {
  const root = process.getuid?.() === 0
  return {
    what: 'Linux, root',
    ok: process.platform === 'linux' && root,
    needed: false,
    found: `${process.platform}, ${root ? 'root' : 'not root'}`,
    remedy: 'run as root on Linux',
  }
}

async function examineDevice(path: string, needed: boolean): Promise<Finding> {
  const denied = await access(path, constants.R_OK | constants.W_OK).then(
    () => undefined,
    (error: Error) => error.message,
  )
  return {
    what: path,
    ok: denied === undefined,
    needed,
    found: denied ?? 'can be opened',
    remedy: `load the kernel module and run as root`,
  }
}

async function examineContainers(image: string): Promise<Finding[]> {
  const what = 'Docker, privileged containers'
  try {
    const pair = await containerPair({ image })
    try {
      return [
        { what, ok: true, needed: true, found: `two of ${image} started` },
        ...(await examineCriu(pair.source)),
        await examineGuest(pair.source),
      ]
    } finally {
      await pair.stop()
    }
  } catch (thrown) {
    return [
      { what, ok: false, needed: true, found: lastLine((thrown as Error).message), remedy: SET_UP },
    ]
  }
}

/** Tries CRIU and the features of the kernel that it uses. */
async function examineCriu(host: Host): Promise<Finding[]> {
  const version = await run(host, ['criu', '--version'])
  const check = await run(host, ['criu', 'check'])
  const tracking = await run(host, ['criu', 'check', '--feature', 'mem_dirty_track'])
  const breakpoints = await breakpointsFire(host)
  return [
    {
      what: 'criu',
      ok: version.code === 0,
      needed: true,
      found: version.stdout.split('\n')[0] || lastLine(version.stderr),
      remedy: 'use an image that has criu (--image)',
    },
    {
      what: 'criu check',
      ok: check.code === 0,
      needed: true,
      found: lastLine(check.stdout) || lastLine(check.stderr),
      remedy: 'the kernel and this criu do not fit: criu 4.1 or later for kernel 6.13 and later',
    },
    {
      what: 'soft-dirty (pre-dump)',
      ok: tracking.code === 0,
      needed: false,
      found:
        tracking.code === 0 ? 'this kernel tracks memory' : 'this kernel does not track memory',
      remedy:
        'pre-dumps need a kernel with CONFIG_MEM_SOFT_DIRTY; `zdtm run --kernel auto` boots one',
    },
    {
      what: 'hardware breakpoints',
      ok: breakpoints,
      needed: false,
      found: breakpoints ? 'they stop a traced process' : 'they do not stop a traced process',
      remedy:
        'nothing to do: the harness runs CRIU with CRIU_FAULT=130. A CRIU before 4.2 that you run by hand needs it as well',
    },
  ]
}

/** Boots a guest: only a boot shows whether KVM works. */
async function examineGuest(host: Host): Promise<Finding> {
  const finding = {
    what: 'a guest with soft-dirty',
    needed: false,
    remedy: 'use an image with QEMU and a kernel (--image)',
  }
  try {
    const lines: string[] = []
    const command = ['sh', '-c', 'uname -r && criu check --feature mem_dirty_track']
    const guest = await startInVm(host, { kernel: IMAGE_KERNEL, shares: [], command }, (line) =>
      lines.push(line),
    )
    const { code, stderr } = await guest.exited
    const { accelerator, boot } = guest.booted
    const found = `kernel ${lines[0]}, ${accelerator}, up in ${(boot / 1000).toFixed(1)} s`
    return {
      ...finding,
      ok: code === 0,
      found: code === 0 ? found : `${found}: ${lastLine(stderr)}`,
    }
  } catch (thrown) {
    return { ...finding, ok: false, found: (thrown as Error).message }
  }
}
