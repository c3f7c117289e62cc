import t from 'tap'
import { pullSnapshots } from '../../reference/client.ts'
import { migration, needs } from '../testing/mounts.ts'

t.test(
  'pre-dump: a parent link becomes an entry of the list of snapshots and is read back on both sides',
  needs,
  async (t) => {
    const { sh, directory } = await migration(t)
    const script = `
    mkdir s/1 s/2; echo a > s/1/a.img; ln -s ../1 s/2/parent; echo b > s/2/b.img
    readlink s/2/parent d/2/parent; cat s/2/parent/a.img d/2/parent/a.img d/2/b.img`
    t.equal(await sh(script), '../1\n../1\na\na\nb')
    t.strictSame(await pullSnapshots(`${directory}/proxy.sock`), ['1', '2'])
    t.strictSame(await pullSnapshots(`${directory}/cache.sock`), ['1', '2'])
  },
)

t.test(
  'dump: images of three increments are reached through their parent links',
  needs,
  async (t) => {
    const { sh } = await migration(t)
    const script = `
    for n in 1 2 3; do mkdir s/$n; [ $n = 1 ] || ln -s ../$((n - 1)) s/$n/parent; echo $n > s/$n/a.img; done
    for side in s d; do cat $side/3/a.img $side/3/parent/a.img $side/3/parent/parent/a.img; readlink $side/3/parent/parent/parent; done`
    t.equal(await sh(script), '3\n2\n1\n3\n2\n1\nexit 1')
  },
)

t.test(
  'dump: a parent directory is reached through the link by lstat, faccessat and open',
  needs,
  async (t) => {
    const { python } = await migration(t)
    const script = `
import stat
os.mkdir('s/1'); os.mkdir('s/2')
os.close(create('s/1/inventory.img'))
os.symlink('../1', 's/2/parent')
for side in 's', 'd':
    at = os.open(f'{side}/2', os.O_RDONLY | os.O_DIRECTORY)
    parent = os.open('parent', os.O_RDONLY | os.O_DIRECTORY, dir_fd=at)
    report(stat.S_ISLNK(os.lstat('parent', dir_fd=at).st_mode), stat.S_ISDIR(os.stat('parent', dir_fd=at).st_mode),
        os.access('parent/inventory.img', os.R_OK, dir_fd=at), len(os.readlink('parent', dir_fd=at)),
        os.fstat(os.open('inventory.img', os.O_RDONLY, dir_fd=parent)).st_size)`
    t.equal(await python(script), 'True True True 4 0\nTrue True True 4 0')
  },
)

t.test(
  'dump: an image of a new task, which the parent does not have, is ENOENT at once',
  needs,
  async (t) => {
    const { sh } = await migration(t)
    const script =
      'mkdir s/1 s/2; echo a > s/1/a.img; ln -s ../1 s/2/parent; cat s/2/parent/pagemap-9.img'
    t.match(await sh(script), 'No such file or directory')
  },
)

t.test(
  'pre-dump: a link that the list of snapshots cannot express is EINVAL and adds no entry',
  needs,
  async (t) => {
    const { python, directory } = await migration(t)
    const script = `
for n in 1, 2, 3: os.mkdir(f's/{n}')
report(tried(os.symlink, '../1', 's/3/parent'))
os.close(create('s/1/a.img')); os.close(create('s/2/a.img'))
for target in ['../1', '../3', '../4', '2', '/2', '../2/..', '..', '../../2']: report(target, tried(os.symlink, target, 's/3/parent'))
report(tried(os.readlink, 's/3/parent'), tried(os.symlink, '../2', 's/3/parent'), os.readlink('s/3/parent'))`
    const refused = ['../1', '../3', '../4', '2', '/2', '../2/..', '..', '../../2'].map(
      (target) => `${target} EINVAL`,
    )
    t.equal(await python(script), ['EINVAL', ...refused, 'ENOENT None ../2'].join('\n'))
    t.strictSame(await pullSnapshots(`${directory}/proxy.sock`), ['1', '2', '3'])
  },
)

t.test(
  'pre-dump: a second parent link, or one after the first image, is EEXIST',
  needs,
  async (t) => {
    const { python, directory } = await migration(t)
    const script = `
for n in 1, 2, 3: os.mkdir(f's/{n}')
os.close(create('s/1/a.img'))
os.symlink('../1', 's/2/parent')
report(tried(os.symlink, '../1', 's/2/parent'))
os.close(create('s/3/a.img'))
report(tried(os.symlink, '../2', 's/3/parent'), tried(os.mkdir, 's/3'))`
    t.equal(await python(script), 'EEXIST\nEEXIST EEXIST')
    t.strictSame(await pullSnapshots(`${directory}/proxy.sock`), ['1', '2', '3'])
  },
)

t.test(
  'dump: a first snapshot needs no parent link; other links, and links at the cache, are EPERM',
  needs,
  async (t) => {
    const { python } = await migration(t)
    const script = `
os.mkdir('s/1')
os.close(create('s/1/a.img'))
report(tried(os.readlink, 's/1/parent'), tried(os.readlink, 'd/1/parent'), os.path.lexists('s/1/parent'))
report(tried(os.symlink, '../1', 's/1/other'), tried(os.symlink, '../1', 'd/1/parent'), tried(os.symlink, '1', 's/2'))`
    t.equal(await python(script), 'ENOENT ENOENT False\nEPERM EPERM ENOTDIR')
  },
)

t.test('restore: null/parent is the list of snapshots as the protocol has it', needs, async (t) => {
  const { sh } = await migration(t)
  const script =
    'mkdir s/one s/2; : > s/one/a.img; ln -s ../one s/2/parent; for side in s d; do od -An -tx1 $side/null/parent; done; ls s'
  const list = '05 00 00 00 0a 03 6f 6e 65 03 00 00 00 0a 01 32'
  t.equal((await sh(script)).replaceAll(/^ /gm, ''), `${list}\n${list}\n2\none`)
})

t.test('restore: a read of the parent link waits for the list of snapshots', needs, async (t) => {
  const { sh, start } = await migration(t)
  const reader = start('exec readlink d/1/parent')
  await reader.waiting()
  t.equal(await sh('mkdir s/1; : > s/1/a.img'), '')
  t.equal(await reader.output, 'exit 1')
})
