import t from 'tap'
import { allCases } from '../../scenarios/index.ts'
import { checkNeeds, neededDescriptors } from './needs.ts'

t.test('the whole suite needs thousands of descriptors, one case a few hundred', async (t) => {
  t.ok(neededDescriptors(allCases, 1) > 1100)
  t.ok(neededDescriptors(allCases, 2) > 2200, 'two crowded cases at once')
  t.ok(neededDescriptors(allCases.slice(0, 1), 8) < 400, 'not more cases at once than there are')
})

t.test('a run that needs more descriptors than the limit does not begin', async (t) => {
  await t.rejects(checkNeeds(allCases, 1_000_000), { message: /expected a limit of at least \d+/ })
  await checkNeeds(allCases.slice(0, 1), 1)
})
