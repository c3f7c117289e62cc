import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, type Plugin } from 'esbuild'
import { execa } from 'execa'
import { checkout } from './checkout.ts'
import { HostError } from './host.ts'

/*
 * Bundles of this checkout's scripts that start fast.
 *
 * Every case and every test starts a daemon of the reference. Node takes longer to find, read and
 * strip a hundred modules than to do the rest of a start. So these steps run once: a bundle has the
 * types stripped and the modules joined into few files, and Node keeps V8's compiled code. Most
 * started processes are proxies and caches, so for them a startup snapshot also keeps the heap, as
 * it is after all modules have run.
 *
 * Only daemons and the agent use bundles: the suite finds its cases by their folder, and must share
 * its modules with them.
 */

const CLI = `${checkout}/harness/cli/main.ts`
const SNAPSHOT = `${checkout}/harness/cli/daemon-snapshot.ts`
/** The expression that the bundler replaces; spelled so that it does not replace it here. */
const META_URL = ['import', 'meta', 'url'].join('.')

export interface Bundled {
  command: readonly string[]
  /** Environment variables for the command. */
  environment: Record<string, string>
}

/** Returns the text to bundle in place of a source file's text. */
export type Change = (path: string, text: string) => string

/** Bundles the scripts of a command, and `criu-remote`, into `directory`. Throws HostError. */
export async function bundle(
  command: readonly string[],
  directory: string,
  change: Change = (_, text) => text,
): Promise<Bundled> {
  const bundled = (script: string) => `${directory}/${basename(script, '.ts')}.mjs`
  const scripts = command.filter((word) => word.startsWith(checkout) && word.endsWith('.ts'))
  await buildModules([CLI, ...scripts], directory, change)
  const environment = {
    NODE_COMPILE_CACHE: `${directory}/compiled`,
    CRIU_REMOTE_MAIN: bundled(CLI),
    CRIU_REMOTE_SNAPSHOT: await takeSnapshot(directory, change),
  }
  await fillCompileCache(bundled(CLI), environment)
  return {
    command: command.map((word) => (scripts.includes(word) ? bundled(word) : word)),
    environment,
  }
}

/** Writes one .mjs file for each script, and the modules that they share. */
async function buildModules(
  scripts: readonly string[],
  directory: string,
  change: Change,
): Promise<void> {
  await build({
    entryPoints: scripts.map((script) => ({ in: script, out: basename(script, '.ts') })),
    outdir: directory,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    minify: true,
    platform: 'node',
    format: 'esm',
    plugins: [sources(change)],
    external: ['esbuild', 'testcontainers', 'playwright-core'],
    // CommonJS packages call `require` for Node's own modules.
    banner: {
      js: `import { createRequire } from 'node:module';const require = createRequire(${META_URL});`,
    },
    logLevel: 'silent',
  }).catch((thrown) => {
    throw HostError.from(thrown, 'bundling scripts')
  })
}

/**
 * Writes the startup snapshot of proxy and cache; returns its path. Node needs one CommonJS file.
 */
async function takeSnapshot(directory: string, change: Change): Promise<string> {
  const [script, blob] = [`${directory}/snapshot.cjs`, `${directory}/snapshot.blob`]
  try {
    await build({
      entryPoints: [SNAPSHOT],
      outfile: script,
      bundle: true,
      minify: true,
      platform: 'node',
      format: 'cjs',
      plugins: [sources(change)],
      logLevel: 'silent',
    })
    await execa(process.execPath, ['--snapshot-blob', blob, '--build-snapshot', script])
    return blob
  } catch (thrown) {
    throw HostError.from(thrown, 'taking a snapshot of proxy and cache')
  }
}

/**
 * Loads the sources with `change` applied. `import.meta.url` stays the URL of the source file, so
 * that a module still finds the files next to it.
 */
const sources = (change: Change): Plugin => ({
  name: 'sources',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      if (path.includes('/node_modules/')) return undefined
      const text = change(path, await readFile(path, 'utf8'))
      return {
        loader: 'ts',
        contents: text.replaceAll(META_URL, JSON.stringify(pathToFileURL(path).href)),
      }
    })
  },
})

/** Runs the bundle once, so that the first daemon finds its compiled code. */
async function fillCompileCache(main: string, environment: Record<string, string>): Promise<void> {
  await execa(process.execPath, [main, 'proxy', '--help'], { env: environment, reject: false })
}
