import type { Html } from '../../conformance/report/html.ts'
import { prepareReport, writeReports } from '../../conformance/report/write.ts'
import { exitCode, type Results } from '../../conformance/result.ts'
import { Failure, fail } from '../failure.ts'

/** Prepares the directory for the report, if the user named one. Exits 2 if it can't be used. */
export async function prepareReportIn(directory: string | undefined): Promise<void> {
  if (directory !== undefined) await prepareReport(directory).catch(fail(2))
}

/** Writes the report, if the user named a directory for it. Exits 3 if it can't be written. */
export async function writeReportIn(
  directory: string | undefined,
  results: Results,
  overview?: Html,
): Promise<void> {
  if (directory !== undefined) await writeReports(results, directory, overview).catch(fail(3))
}

/** Ends the command with the exit code of the verdict. */
export function endWithVerdict({ verdict, implementation }: Results): void {
  const code = exitCode[verdict]
  if (code !== 0) throw new Failure(code, `${implementation} is ${verdict}`)
}
