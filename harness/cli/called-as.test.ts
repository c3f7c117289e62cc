import t from 'tap'
import { calledAs, shellLine } from './called-as.ts'

const call = (script: string, env: Record<string, string> = {}) => ({
  ...{ argv: ['/opt/bin/node', script, 'conform'], execArgv: ['--no-warnings'] },
  ...{ env: { PATH: '/usr/bin:/opt/bin', ...env }, cwd: '/work/x' },
})

t.test('the call is that of npm, of a command in PATH, or of node', async (t) => {
  t.same(calledAs(call('/work/x/harness/cli/main.ts', { npm_lifecycle_event: 'criu-remote' })), [
    ...['npm', 'run', '--silent', 'criu-remote', '--'],
  ])
  t.same(calledAs(call('/usr/bin/criu-remote')), ['criu-remote'])
  t.same(calledAs(call('/other/criu-remote')), ['/other/criu-remote'])
  t.same(calledAs(call('/work/x/harness/cli/main.ts')), [
    ...['node', '--no-warnings', 'harness/cli/main.ts'],
  ])
})

t.test('a shell reads a line as the words that made it', async (t) => {
  t.equal(shellLine(['a/b.yaml', '--x=1', "it's a *"]), "a/b.yaml --x=1 'it'\\''s a *'")
  t.equal(shellLine(['']), "''")
})
