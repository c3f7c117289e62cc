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

t.test('a descriptor of a client alone finds its sockets by name', async (t) => {
  const file = write(
    'name: c\nclient:\n  dump: [./criu, dump, -t, "{pid}", -D, "{directory}"]\n  restore: [criu, restore]',
  )
  t.same((await readDescriptor(file)).client, {
    dump: [`${directory}/criu`, 'dump', '-t', '{pid}', '-D', '{directory}'],
    restore: ['criu', 'restore'],
    sockets: 'by-name',
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
  ['name: x\nproxy: {command: [a], sock: b}', /proxy: unknown key sock, is socket meant\?$/],
  ['name: x\nproxi: {command: [a]}\ncache: {command: [a]}', /unknown key proxi, is proxy meant\?$/],
  ['name: x\nproxy: {command: [a]}\nzebra: 1', /the file: unknown key zebra$/],
  [
    'name: x\ncapabilities: {apend: true}\ncache: {command: [a]}',
    /capabilities: unknown key apend, is append meant\?$/,
  ],
  [
    'name: x\nproxy: {command: [a, "--s={Sock}"]}',
    /proxy\.command\.1: unknown placeholder \{Sock\}, is \{socket\} meant\?$/,
  ],
  [
    'name: x\ncache: {command: [a, "{address}"]}',
    /cache\.command\.1: unknown placeholder \{address\}, expected one of \{directory\}, \{socket\}, /,
  ],
  [
    'name: x\ncache: {command: [a], socket: "{socket}"}',
    /cache\.socket: unknown placeholder \{socket\}, expected one of \{directory\}$/,
  ],
  ['name: x\nproxy: {command: [a]}\ndialect: latin', /dialect: expected one of ours, criu-2017/],
  ['name: x\nclient: {dump: [a]}', /client\.restore: expected array, got nothing/],
  [
    'name: x\nclient: {dump: [a], restore: [a], predump: [a]}',
    /client: unknown key predump, is preDump meant\?/,
  ],
  [
    'name: x\nclient: {dump: [a, "{socket}"], restore: [a]}',
    /client\.dump\.1: unknown placeholder \{socket\}, is|expected one of \{pid\}/,
  ],
  [
    'name: x\nclient: {sockets: by-option, dump: [a], restore: [a, "{cacheSocket}"]}',
    /client\.dump: expected \{proxySocket\}, as its sockets are by-option$/,
  ],
  [
    'name: x\nclient: {sockets: anywhere, dump: [a], restore: [a]}',
    /client\.sockets: expected one of by-name, by-option/,
  ],
  ['name: [x', /parsing descriptor/],
] as const) {
  t.test(`an error names the key: ${JSON.stringify(text)}`, async (t) => {
    const error = await readDescriptor(write(text)).catch((thrown) => thrown)
    t.ok(error instanceof DescriptorError)
    t.match(error.message, message)
    t.notMatch(error.message, /\n/)
  })
}

t.test('a program with a relative path is relative to the descriptor', async (t) => {
  for (const [program, located] of [
    ['./my-proxy', `${directory}/my-proxy`],
    ['bin/proxy', `${directory}/bin/proxy`],
    ['../proxy', '/tmp/proxy'],
    ['/bin/proxy', '/bin/proxy'],
    ['proxy', 'proxy'],
    ['{directory}/proxy', '{directory}/proxy'],
  ] as const) {
    const text = JSON.stringify({ name: 'x', proxy: { command: [program, './data'] } })
    const { proxy } = await readDescriptor(write(text))
    t.same(proxy?.command, [located, './data'], program)
  }
})

t.test('braces of a script are no placeholders', async (t) => {
  const scripts = ['awk "{print}" && {x}', '$' + '{HOME}', '{}', '{ }']
  const text = JSON.stringify({ name: 'x', cache: { command: ['sh', '-c', ...scripts] } })
  t.same((await readDescriptor(write(text))).cache?.command, ['sh', '-c', ...scripts])
})

t.test('a missing file is an error that names it', async (t) => {
  await t.rejects(readDescriptor('/no/such.yaml'), { message: /\/no\/such\.yaml.*ENOENT/ })
})

t.test('the published schema is current', async (t) => {
  const file = new URL('descriptor.schema.json', import.meta.url)
  t.equal(readFileSync(file, 'utf8'), describeDescriptor())
})
