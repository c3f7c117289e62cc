import { type Host, shell } from '../hosts/host.ts'

/*
 * Looks for images that became files: every file newer than a mark, on any file system but the mounts and the
 * kernel's own, that has an image's name or begins with CRIU's magic numbers.
 */

const FIND = `
find / \\( -fstype fuse -o -fstype proc -o -fstype sysfs -o -fstype cgroup -o -fstype cgroup2 -o -path "$2" \\) -prune \\
  -o -type f -newer "$1" -size +0 -print 2>/dev/null | while read -r file; do
  case "$file" in *.img) echo "$file"; continue;; esac
  case "$(head -c 4 "$file" 2>/dev/null | od -An -tx1)" in ' 19 43 56 54'|' 16 31 31 58') echo "$file";; esac
done`

/** Sets a mark in time on a host. */
export async function markTime(host: Host): Promise<string> {
  const directory = await host.directory()
  await shell(host, 'touch "$1/mark"', [directory])
  return `${directory}/mark`
}

/** Images that were made as files since the mark, outside `except`. */
export async function imagesOnDisk(host: Host, mark: string, except: string): Promise<string[]> {
  const found = await shell(host, FIND, [mark, except])
  return found.split('\n').filter((line) => line !== '')
}
