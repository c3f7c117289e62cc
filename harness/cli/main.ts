#!/usr/bin/env node
import { enableCompileCache } from 'node:module'
import { cacheDirectory } from '../hosts/checkout.ts'
import { ensureTuned } from '../implementation/tuning.ts'

/*
 * `criu-remote`. Types are stripped from the sources at every start, which takes most of a start's time, unless what was compiled is kept: a
 * daemon then starts in a third of the time.
 */

ensureTuned(process.argv.slice(2))
enableCompileCache(cacheDirectory)
await import('./command-line.ts')
