/** What a replaced image is forwarded as is not determined in criu-2017, so that no forwarding can be awaited there. */
export const rewriting = ['ours', 'auto', 'criu-2019']
