#!/usr/bin/env node
import { enableCompileCache } from 'node:module'
import { cacheDirectory } from '../hosts/checkout.ts'
import { ensureTuned } from '../implementation/tuning.ts'

/*
 * `criu-remote`. Node strips the types of the sources at every start, which is most of a start's
 * time. The cache of compiled code saves this step: a daemon then starts in a third of the time.
 */

ensureTuned(process.argv.slice(2))
enableCompileCache(cacheDirectory)
await import('./command-line.ts')
