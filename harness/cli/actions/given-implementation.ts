import { localHost } from '../../hosts/local.ts'
import { type Descriptor, readDescriptor } from '../../implementation/descriptor.ts'
import { referenceDescriptor } from '../../implementation/start.ts'
import { fail } from '../failure.ts'

/** Reads the descriptor that the user named, if any. Exits 2 if it is wrong. */
export async function namedImplementation(
  file: string | undefined,
): Promise<Descriptor | undefined> {
  return file === undefined ? undefined : readDescriptor(file).catch(fail(2))
}

/** Returns the implementation to judge here: the reference, unless the user named another. */
export async function givenImplementation(file: string | undefined): Promise<Descriptor> {
  return (await namedImplementation(file)) ?? referenceDescriptor(localHost())
}
