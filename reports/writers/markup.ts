/** Markup from data. Everything that is put into a page passes through one of these. */

/** Text in HTML, in an element or a double-quoted attribute. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/** Markup that is already safe. */
export interface Markup {
  readonly markup: string;
}

type Part = string | number | Markup | readonly Markup[] | undefined;

function render(part: Part): string {
  if (part === undefined) return '';
  if (typeof part === 'string' || typeof part === 'number') return escapeHtml(String(part));
  if ('markup' in part) return part.markup;
  return part.map(({ markup }) => markup).join('');
}

/** A template whose values are escaped unless they are markup themselves. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  const pieces = strings.map((text, i) => (i < parts.length ? text + render(parts[i]) : text));
  return { markup: pieces.join('') };
}

/** JSON inside a script element: nothing in it can end the element or begin a comment. */
export function jsonForScript(value: unknown): Markup {
  return { markup: JSON.stringify(value).replaceAll('<', String.raw`\u003c`) };
}

/** Our own script or style, verbatim; a closing tag in it would end the element too early. */
export function verbatim(source: string): Markup {
  return { markup: source.replaceAll(/<\/(script|style)/gi, String.raw`<\/$1`) };
}

/** A whole document that needs nothing but itself. */
export function htmlDocument(title: string, head: Markup, body: Markup): string {
  const policy =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";
  return `${
    html`<!doctype html>
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta http-equiv="Content-Security-Policy" content="${policy}" />
          <title>${title}</title>
          ${head}
        </head>
        <body>
          <main>${body}</main>
        </body>
      </html>`.markup
  }\n`;
}
