import { examine, type Finding } from '../../doctor/doctor.ts'

/** Runs `criu-remote doctor`: prints the findings; exit 3 if a real migration can't run here. */
export async function doctor({ image, json }: { image?: string; json?: true }): Promise<void> {
  const findings = await examine(image)
  const text = json ? `${JSON.stringify(findings, null, 2)}\n` : findings.map(describe).join('')
  process.stdout.write(text)
  if (findings.some(({ ok, needed }) => needed && !ok)) process.exitCode = 3
}

function describe({ what, ok, found, remedy }: Finding): string {
  const advice = ok || remedy === undefined ? '' : `\n     ${remedy}`
  return `${ok ? 'yes' : 'no '}  ${what}: ${found}${advice}\n`
}
