import { basename, relative } from 'node:path'

/** The parts of this process from which its call is found. */
interface Call {
  argv: readonly string[]
  execArgv: readonly string[]
  env: NodeJS.ProcessEnv
  cwd: string
}

const thisCall = (): Call => ({
  argv: process.argv,
  execArgv: process.execArgv,
  env: process.env,
  cwd: process.cwd(),
})

/** Returns the words with which the user calls this program: npm's, a command's, or node's. */
export function calledAs({ argv, execArgv, env, cwd }: Call = thisCall()): string[] {
  const [node = 'node', script = ''] = argv
  if (env['npm_lifecycle_event'] === 'criu-remote')
    return ['npm', 'run', '--silent', 'criu-remote', '--']
  if (basename(script) === 'criu-remote') return [inPath(script, env) ? 'criu-remote' : script]
  const command = inPath(node, env) ? basename(node) : node
  return [command, ...execArgv, relative(cwd, script)]
}

/** Returns the words as a line that a shell reads as the same words. */
export function shellLine(words: readonly string[]): string {
  return words.map(quote).join(' ')
}

const quote = (word: string) =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`

/** Returns whether the first program of that name in PATH is this one. */
const inPath = (file: string, { PATH = '' }: NodeJS.ProcessEnv): boolean =>
  PATH.split(':').includes(file.slice(0, -basename(file).length - 1))
