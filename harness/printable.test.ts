import t from 'tap'
import { printable, printableLine } from './printable.ts'

for (const [text, shown] of [
  ['plain é 字 😀 text', 'plain é 字 😀 text'],
  ['a\nb\tc', 'a\nb\tc'],
  ['\u001b[31mred\u0007\u0000', '\\x1b[31mred\\x07\\x00'],
  ['over\rwritten', 'over\\x0dwritten'],
  ['\u007f\u009b2J', '\\x7f\\x9b2J'],
  ['a\u202egnp.exe\u2028b', 'a\\u{202e}gnp.exe\\u{2028}b'],
  ['\ud800 \uffff', '\\u{d800} \\u{ffff}'],
] as const) {
  t.test(`text is shown as ${JSON.stringify(shown)}`, async (t) => {
    t.equal(printable(text), shown)
    t.equal(printable(shown), shown, 'escaping twice changes nothing')
  })
}

t.test('a line stays one line', async (t) => {
  t.equal(printableLine('a\nb\tc\r'), 'a\\nb\\tc\\x0d')
})
