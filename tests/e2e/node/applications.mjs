// The configurations of docs/applications.md, as they stand there: what is tried is what is read.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PAGE = join(dirname(fileURLToPath(import.meta.url)), '../../../docs/applications.md');

/** The first block of a language below the title of an application. */
export function blockOf(application, language) {
  const section = readFileSync(PAGE, 'utf8').split(/^## /m).find((part) => part.startsWith(`${application}\n`));
  assert.ok(section, `docs/applications.md says nothing of ${application}`);
  const [, block] = section.match(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 's'));
  return block;
}

/** The configuration of an application, with real ports in the place of the addresses that it has. */
export function configOf(application, certificate, ports) {
  let text = blockOf(application, 'toml');
  const real = { '"0.0.0.0:443"': '"127.0.0.1:0"', 'site.pem': certificate.chain, 'site.key': certificate.key };
  for (const [address, port] of Object.entries(ports)) real[`"${address}"`] = `"127.0.0.1:${port}"`;
  for (const [written, meant] of Object.entries(real)) {
    assert.ok(text.includes(written), `no ${written} in the configuration of ${application}`);
    text = text.replaceAll(written, meant);
  }
  return text;
}
