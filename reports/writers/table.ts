/** Tables of the pages: what a column is called and looks like is said once, not in each cell. */
import { html, type Markup } from './markup';

export interface Column {
  /** Default none; a table without any titles has no head. */
  readonly title?: string;
  /** Classes of its cells, e.g. `muted small`; `number` is its title's class too. */
  readonly look?: string;
}

export type Cell = string | number | Markup | undefined;

export interface TableOptions {
  /** An id for each row, for links to it. Default none. */
  readonly ids?: readonly string[];
  /** Default false. */
  readonly isSmall?: boolean;
}

/** A table that scrolls sideways where the page is too narrow for it. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  { ids = [], isSmall = false }: TableOptions = {},
): Markup {
  const body = rows.map((cells, i) => {
    const inside = cells.map((cell, at) => td(cell, columns[at]?.look));
    const id = ids[i];
    return id === undefined
      ? html`<tr>
          ${inside}
        </tr>`
      : html`<tr id="${id}">
          ${inside}
        </tr>`;
  });
  return html`<div class="scroll">
    <table class="${isSmall ? 'small' : ''}">
      ${head(columns)}
      <tbody>
        ${body}
      </tbody>
    </table>
  </div>`;
}

function head(columns: readonly Column[]): Markup | undefined {
  if (columns.every(({ title }) => title === undefined)) return undefined;
  const titles = columns.map(({ title, look }) =>
    look === 'number' ? html`<th class="number">${title}</th>` : html`<th>${title}</th>`,
  );
  return html`<thead>
    <tr>
      ${titles}
    </tr>
  </thead>`;
}

function td(cell: Cell, look: string | undefined): Markup {
  return look === undefined ? html`<td>${cell}</td>` : html`<td class="${look}">${cell}</td>`;
}
