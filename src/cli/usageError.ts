/** Bad usage or unusable input: its text is shown without a stack, the exit code is 64. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}
