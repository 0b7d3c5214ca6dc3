/** What is wrong with the words on the command line, or with the files that they name. */
export class UsageError extends Error {}
