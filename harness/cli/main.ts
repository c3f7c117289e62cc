#!/usr/bin/env node
import { enableCompileCache } from 'node:module'
import { ensureTuned } from '../implementation/tuning.ts'

/*
 * `criu-remote`. Types are stripped from the sources at every start, which takes most of a start's time, unless what was compiled is kept: a
 * daemon then starts in a third of the time. The cache lies in the checkout, so that containers, which see it read-only, have it too.
 */

ensureTuned(process.argv.slice(2))
enableCompileCache(new URL('../../node_modules/.cache/criu-remote', import.meta.url).pathname)
await import('./program.ts')
