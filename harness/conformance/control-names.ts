/** The control names of a dialect (D1). */
export interface ControlNames {
  /** The null snapshot id. */
  nullId: string
  /** The image name whose write finishes a dump. */
  dumpFinish: string
  /** The image name whose read finishes a restore. */
  restoreFinish: string
}

export const names2017: ControlNames = {
  nullId: 'null',
  dumpFinish: 'DUMP_FINISH',
  restoreFinish: 'RESTORE_FINISH',
}
export const names2019: ControlNames = { nullId: '', dumpFinish: '', restoreFinish: '' }

/** Name of the image that holds the list of snapshots. */
export const LIST = 'parent'

/** Returns the control names that CRIU's side uses in a dialect; for `auto` those of 2017. */
export function namesOf(dialect: string): ControlNames {
  return dialect === 'criu-2019' || dialect === 'criu-2020' ? names2019 : names2017
}
