import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { DescriptorError, describeDescriptor, readDescriptor } from './descriptor.ts'

const directory = mkdtempSync('/tmp/criu-remote-descriptor-')
t.teardown(() => rmSync(directory, { recursive: true }))

function write(text: string): string {
  const file = `${directory}/d.yaml`
  writeFileSync(file, text)
  return file
}

t.test('a descriptor of ten lines gets the defaults', async (t) => {
  const file = write(
    'name: mine\nproxy:\n  command: [my-proxy, "{socket}"]\ncache:\n  command: [my-cache]\n  socket: "{directory}/img-cache.sock"\nworkingDirectory: here\n',
  )
  t.same(await readDescriptor(file), {
    name: 'mine',
    dialect: 'auto',
    proxy: { command: ['my-proxy', '{socket}'] },
    cache: { command: ['my-cache'], socket: '{directory}/img-cache.sock' },
    workingDirectory: `${directory}/here`,
    environment: {},
    capabilities: { append: true, inheritedConnection: false },
  })
})

t.test('a descriptor can be JSON', async (t) => {
  t.match(await readDescriptor(write('{"name":"mine","cache":{"command":["c"]}}')), {
    name: 'mine',
  })
})

for (const [text, message] of [
  ['name: x', /the file: must have required property 'proxy'/],
  ['proxy: {command: [a]}', /name: expected string, got nothing/],
  ['name: x\nproxy: {command: []}', /proxy\.command: must NOT have fewer than 1 items/],
  ['name: x\nproxy: {command: [a], sock: b}', /proxy: unknown key sock/],
  ['name: x\nproxy: {command: [a]}\ndialect: latin', /dialect: expected one of ours, criu-2017/],
  ['name: [x', /parsing descriptor/],
] as const) {
  t.test(`an error names the key: ${JSON.stringify(text)}`, async (t) => {
    const error = await readDescriptor(write(text)).catch((thrown) => thrown)
    t.ok(error instanceof DescriptorError)
    t.match(error.message, message)
    t.notMatch(error.message, /\n/)
  })
}

t.test('a missing file is an error that names it', async (t) => {
  await t.rejects(readDescriptor('/no/such.yaml'), { message: /\/no\/such\.yaml.*ENOENT/ })
})

t.test('the published schema is current', async (t) => {
  const file = new URL('descriptor.schema.json', import.meta.url)
  t.equal(readFileSync(file, 'utf8'), describeDescriptor())
})
