/**
 * Dialects in which a case can wait for the forwarding of a replaced image. In criu-2017 its form
 * is not determined.
 */
export const rewriting = ['ours', 'auto', 'criu-2019']
