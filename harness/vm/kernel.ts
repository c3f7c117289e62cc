import { existsSync, globSync, statSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { execa } from 'execa'
import { HostError } from '../hosts/host.ts'

/** A kernel that a guest can boot. */
export interface Kernel {
  version: string
  /** Path of the kernel image. */
  image: string
  /** Directory that has lib/modules/VERSION with modules.dep. */
  tree: string
}

/**
 * Returns the kernel of a Debian package, or of a directory with an unpacked package. New files are
 * below `work`. Throws HostError.
 */
export async function findKernel(path: string, work: string): Promise<Kernel> {
  const doing = `using the kernel ${path}`
  const status = statSync(path, { throwIfNoEntry: false })
  if (status === undefined) throw new HostError(`${doing}: there is no such file or directory`)
  const tree = status.isFile() ? await unpack(path, `${work}/kernel`) : path
  const [image] = globSync(`${tree}/boot/vmlinuz-*`)
  if (image === undefined)
    throw new HostError(
      `${doing}: expected a Debian kernel package with boot/vmlinuz-VERSION, found none`,
    )
  const version = image.split('/vmlinuz-')[1] as string
  const modules = ['lib/modules', 'usr/lib/modules']
    .map((below) => `${tree}/${below}/${version}`)
    .find((each) => existsSync(each))
  if (modules === undefined)
    throw new HostError(`${doing}: expected its modules in lib/modules/${version}, found none`)
  if (existsSync(`${modules}/modules.dep`) && modules.startsWith(`${tree}/lib/`))
    return { version, image, tree }
  return { version, image, tree: await addModuleIndex(modules, version, `${work}/modules`) }
}

async function unpack(file: string, to: string): Promise<string> {
  const { exitCode, stderr } = await execa('dpkg-deb', ['-x', file, to], { reject: false })
  if (exitCode !== 0)
    throw new HostError(
      `unpacking the kernel ${file}: expected a Debian package: ${stderr.split('\n')[0]}`,
    )
  return to
}

/** Copies the modules and adds modules.dep, their dependencies, which a package does not have. */
async function addModuleIndex(modules: string, version: string, tree: string): Promise<string> {
  await mkdir(`${tree}/lib/modules`, { recursive: true })
  await execa('cp', ['-a', modules, `${tree}/lib/modules/`])
  await execa('depmod', ['-b', tree, version])
  return tree
}
