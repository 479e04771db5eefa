// SPDX-License-Identifier: Apache-2.0
// A terminal of xterm.js for judge_xterm.t. Standard input: a line of JSON
// {cols, rows, writes: [base64 ...]} each; output: what the screen is behind
// each of its writes, a line of JSON each.
'use strict';
const readline = require('readline');
const { Terminal } = require('@xterm/headless');

const flags = ['isBold', 'isDim', 'isItalic', 'isUnderline', 'isBlink',
  'isInverse', 'isInvisible', 'isStrikethrough', 'isOverline',
  'isFgRGB', 'isBgRGB', 'isFgPalette', 'isBgPalette'];

function look(terminal) {
  const buffer = terminal.buffer.active;
  const lines = [];
  for (let y = 0; y < terminal.rows; y++) {
    const line = buffer.getLine(buffer.baseY + y);
    const cells = [];
    for (let x = 0; x < terminal.cols; x++) {
      const cell = line.getCell(x);
      if (cell.getWidth() === 0)
        continue;
      const style = flags.map((flag) => (cell[flag]() ? 1 : 0)).join('') +
        `,${cell.getFgColor()},${cell.getBgColor()}`;
      cells.push([cell.getChars() || ' ', style]);
    }
    lines.push({ cells });
  }
  return {
    lines,
    cursor: [buffer.cursorY, buffer.cursorX],
    buffer: buffer.type,
    modes: Object.assign({}, terminal.modes),
  };
}

async function answer(request) {
  const terminal = new Terminal({
    cols: request.cols, rows: request.rows, allowProposedApi: true,
    scrollback: 1000,
  });
  const seen = [];
  for (const text of request.writes) {
    await new Promise((done) =>
      terminal.write(Buffer.from(text, 'base64'), done));
    seen.push(look(terminal));
  }
  terminal.dispose();
  process.stdout.write(JSON.stringify(seen) + '\n');
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin }))
    await answer(JSON.parse(line));
})();
