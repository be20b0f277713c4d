// The account: its findings, each with its document, its witness and its fix.

function readFinding(packed, index, pool) {
  return {
    index, ...packed, ...pool[packed.rule],
    message: pool[packed.message],
    hosts: pool[packed.hosts],
    statement: known(packed.statement) ? packed.statement : null,
  };
}

const statementName = (finding) => (typeof finding.statement === 'number' ? `number ${finding.statement + 1}` : finding.statement);

// In a table the end of an ARN says more than its beginning, and a statement more than the version of its policy.
function where(finding) {
  const resource = finding.resource.replace(/^arn:[^:]*:[^:]*:[^:]*:[^:]*:/, '');
  if (finding.document === 'account') return resource;
  const own = `managed:${finding.resource}@`;
  if (finding.statement === null) return `${resource}, ${finding.document.replace(own, 'version ')}`;
  const document = finding.document.startsWith(own) ? '' : `${finding.document} `;
  return `${resource}, ${document}${statementName(finding)}`;
}

function findingText(finding) {
  finding.search ||= [finding.severity, finding.rule, finding.title, finding.resource, finding.document, finding.statement, finding.path, finding.serial, finding.message].filter(known).join('\n').toLowerCase();
  return finding.search;
}

const FINDING_COLUMNS = [
  {label: 'Rule', style: 'w-rule', value: (finding) => finding.rule},
  {label: 'Severity', style: 'w-severity', value: (finding) => SEVERITIES.indexOf(finding.severity), fill: text((finding) => word(finding.severity))},
  {label: 'What', style: 'w-title', value: (finding) => finding.title, fill: text((finding) => finding.title)},
  {label: 'Where', optional: true, value: (finding) => where(finding), fill: text(where)},
  {label: 'Hosts', style: 'w-rule number', optional: true, first: -1, value: (finding) => finding.hosts.length, fill: text((finding) => (finding.hosts.length ? finding.hosts.length.toLocaleString('en') : '\u2013'))},
];

function showFindings(root, findings, documents, open) {
  const table = new Table({name: 'Findings', noun: 'finding', columns: FINDING_COLUMNS, open, paper: (finding) => findingOnPaper(finding, documents)});
  const severities = tally(findings, (finding) => [finding.severity]);
  const rules = tally(findings, (finding) => [finding.rule]);
  const titles = new Map(findings.map((finding) => [finding.rule, finding.title]));
  const filters = new Filters(table, [
    searchField('Search resource, message, serial', findingText),
    chooseField('Rule', 'any', [...rules].sort(([one], [other]) => compare(one, other, 1)).map(([rule, total]) => [rule, `${rule} (${total.toLocaleString('en')}) ${titles.get(rule)}`]), (finding, rule) => finding.rule === rule),
    tickField('Severity', SEVERITIES.filter((one) => severities.has(one)).map((one) => [one, `${one} ${severities.get(one).toLocaleString('en')}`, one]), (finding) => finding.severity),
  ]);
  root.append(filters.element, table.line, table.notice, table.scroller);
  table.load(findings);
  return {visit: (finding) => table.visit(finding, filters)};
}

const findingOnPaper = (finding, documents) => [
  finding.witness ? make('p', {}, witnessWords(finding.witness, finding.path)) : null, make('p', {}, finding.message), fixBlock(finding, documents),
].filter(Boolean);

// --- one finding

function showFinding(finding, {documents, hosts, openHost}) {
  const named = finding.hosts.map((one) => hosts[one]).filter(Boolean);
  return [
    make('p', {}, word(finding.severity), ` ${finding.rule}`),
    facts('Where', [['Resource', finding.resource], ['Document', finding.document], ['Statement', finding.statement === null ? undefined : statementName(finding)],
      ['Part', finding.path || undefined], ['Serial', finding.serial]]),
    block('What is wrong', make('div', {}, finding.witness ? make('p', {class: 'says'}, witnessWords(finding.witness, finding.path)) : null, make('p', {}, finding.message))),
    documentBlock(finding, documents),
    fixBlock(finding, documents),
    block(`Hosts that it touches (${named.length.toLocaleString('en')})`, named.length ? make('ul', {}, ...named.slice(0, 100).map((host, index) => make('li', {},
      make('button', {class: 'link', type: 'button', onclick: () => openHost(named, index)}, host.name))), named.length > 100 ? make('li', {}, `and ${named.length - 100} more: search the hosts for the serial or role`) : null) : null),
    block('Documentation', list(finding.references).length ? make('ul', {}, ...finding.references.map((one) => make('li', {}, reference(one)))) : null),
  ].filter(Boolean);
}

// A link only where it can lead nowhere but to a web page.
function reference(address) {
  return /^https:\/\//.test(address) ? make('a', {href: address, rel: 'noopener noreferrer', target: '_blank'}, address) : address;
}

const indented = (line) => line.replace(/^ +/, (spaces) => spaces + spaces);

function code(name, lines) {
  return make('pre', {tabindex: 0, role: 'region', 'aria-label': name}, make('code', {}, ...lines));
}

function documentBlock(finding, documents) {
  if (!('lines' in finding)) return null;
  if (!('text' in finding)) return block('The document', make('p', {class: 'soft'}, 'It is left out here: the documents of worse findings fill the page. The account, or a snapshot of it, has it.'));
  const [start, end, from, to] = finding.lines;
  const lines = documents[finding.text].split('\n').map((line, index) => {
    const [inside, at] = [index >= start && index < end, index >= from && index < to];
    const content = at ? make('mark', {}, indented(line)) : indented(line);
    return make('span', {class: `line${at ? ' at' : inside ? ' in' : ''}`}, content, '\n');
  });
  const title = start === undefined ? 'The document' : 'The document, with the statement marked';
  return block(title, code(title, lines));
}

const CONTEXT = 3;

function fixBlock(finding, documents) {
  if (!finding.fix) return null;
  const {summary, changes, text: whole} = finding.fix;
  const parts = [make('p', {}, summary)];
  if (changes && 'text' in finding) parts.push(code('The fix as a diff', diffLines(documents[finding.text].split('\n'), changes)));
  else if (known(whole)) parts.push(make('p', {class: 'soft'}, 'The whole document as it should be:'), code('The fixed document', documents[whole].split('\n').map((line) => make('span', {class: 'line'}, `${indented(line)}\n`))));
  else parts.push(make('p', {class: 'soft'}, 'report.json has the corrected document.'));
  return block('The fix', make('div', {}, ...parts));
}

function diffLines(before, changes) {
  const line = (kind, sign, content) => make('span', {class: `line ${kind}`}, make('span', {class: 'unseen'}, kind === 'gone' ? 'removed: ' : kind === 'new' ? 'added: ' : ''), `${sign} ${indented(content)}\n`);
  const near = (index) => changes.some(([start, end]) => index >= start - CONTEXT && index < end + CONTEXT);
  const out = [];
  let cut = false;
  for (let index = 0; index <= before.length; index += 1) {
    const change = changes.find(([start]) => start === index);
    if (change) {
      const [start, end, lines] = change;
      out.push(...before.slice(start, end).map((one) => line('gone', '\u2212', one)), ...lines.map((one) => line('new', '+', one)));
    }
    if (index === before.length || changes.some(([start, end]) => index >= start && index < end)) continue;
    if (near(index)) out.push(line('', ' ', before[index]));
    else if (!cut) out.push(make('span', {class: 'line cut'}, '\u22ee\n'));
    cut = !near(index);
  }
  return out;
}
