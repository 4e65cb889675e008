/** Code blocks of a Markdown page, for the tests that run and type-check them. */

/** The contents of the blocks that are marked with a language, each ending in a line break. */
export function codeBlocks(page: string, language: string): readonly string[] {
  const block = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms');
  return [...page.matchAll(block)].map(([, code]) => code!);
}
