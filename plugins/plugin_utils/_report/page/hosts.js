// Hosts: what the data says of one, the table of all, and the sheet of one.

function readState(packed, pool) {
  if (!packed) return null;
  const [codes, messages, parts] = packed;
  const {verdict, reasons, warnings} = pool[codes];
  const facts = parts && Object.fromEntries(Object.entries(parts).map(
    ([key, value]) => [key, key === 'clock' || key === 'measured_at' ? value : pool[value]]));
  return {verdict, reasons, warnings, messages: pool[messages], facts};
}

// Which way the facts came, and how old an agent's report was.
function readOrigin(packed, pool) {
  return packed ? {...pool[packed[0]], age: number(packed[1])} : {};
}

function originWords(host) {
  const {source, report, age} = host.origin;
  if (source === 'agent') return `By the report of its agent${age === null ? '' : `, ${seconds(age)} old`}.`;
  if (source === 'module') return report ? `Measured by this run, as the report of its agent did not count: ${report}.` : 'Measured by this run.';
  return '';
}

function readHost([name, codes, messages, parts, before, enforcement, history, origin, cut], index, pool) {
  const state = readState([codes, messages, parts], pool);
  const facts = object(state.facts);
  const clock = object(facts.clock);
  return {
    index, name, ...state, facts: state.facts, history, cut,
    offset: number(clock.offset_s),
    bound: number(clock.bound_s),
    accept: number(object(object(facts.totp).accept_probability).rfc6238),
    tokens: object(facts.tokens),
    serials: list(facts.serials).map(object),
    before: readState(before, pool),
    enforcement: enforcement === null ? null : pool[enforcement],
    origin: readOrigin(origin, pool),
  };
}

const codesOf = (host) => [...host.reasons, ...host.warnings];

function tokenKinds(host) {
  const kinds = list(host.tokens.kinds).map(plain);
  if (kinds.length) return kinds;
  return host.tokens.present === false ? ['none found'] : host.tokens.present === true ? ['present'] : [MISSING];
}

function hostText(host) {
  host.text ||= [host.name, ...codesOf(host), ...tokenKinds(host), ...host.serials.flatMap((one) => [plain(one.serial), plain(one.user), plain(one.profile)]),
    plain(object(host.facts && host.facts.attached_role).role), originWords(host)].join('\n').toLowerCase();
  return host.text;
}

function text(of) {
  return (row, cell) => {
    const content = of(row);
    cell.append(content instanceof Node ? content : visible(content));
  };
}

const HOST_COLUMNS = [
  {label: 'Host', style: 'w-name', value: (host) => host.name},
  {label: 'Verdict', style: 'w-verdict', value: (host) => VERDICTS.indexOf(host.verdict), fill: text((host) => word(host.verdict))},
  {label: 'Offset', style: 'w-number number', first: -1, value: (host) => (host.offset === null ? null : Math.abs(host.offset)), fill: text((host) => seconds(host.offset, true))},
  {label: 'Bound', style: 'w-number number', optional: true, first: -1, value: (host) => host.bound, fill: text((host) => seconds(host.bound))},
  {label: 'Codes', style: 'w-number number', optional: true, value: (host) => host.accept, fill: text((host) => percent(host.accept))},
  {label: 'Reasons', optional: true, value: (host) => codesOf(host).join(' ') || null, fill: text(reasonsShort)},
  {label: 'Soft tokens', style: 'w-tokens', optional: true, value: (host) => tokenKinds(host).filter((kind) => kind !== MISSING).join(' ') || null, fill: text((host) => tokenKinds(host).join(', '))},
];

function reasonsShort(host) {
  if (host.reasons.length) return host.reasons.join(', ');
  return host.warnings.length ? `warning: ${host.warnings.join(', ')}` : '\u2013';
}

function showHosts(root, hosts, codes, open) {
  const table = new Table({name: 'Hosts', noun: 'host', columns: HOST_COLUMNS, open, paper: hostOnPaper});
  const verdicts = tally(hosts, (host) => [host.verdict]);
  const reasons = tally(hosts, codesOf);
  const kinds = tally(hosts, tokenKinds);
  const verdict = tickField('Verdict', VERDICTS.filter((one) => verdicts.has(one)).map((one) => [one, `${VERDICT_WORDS[one]} ${verdicts.get(one).toLocaleString('en')}`, one]), (host) => host.verdict);
  const reason = chooseField('Reason or warning', 'any', Object.keys(codes).filter((code) => reasons.has(code)).map((code) => [code, `${code} (${reasons.get(code).toLocaleString('en')})`]),
    (host, code) => codesOf(host).includes(code));
  const token = chooseField('Soft tokens', 'any', [...kinds].sort(([one], [other]) => compare(one, other, 1)).map(([kind, total]) => [kind, `${kind} (${total.toLocaleString('en')})`]),
    (host, kind) => tokenKinds(host).includes(kind));
  const filters = new Filters(table, [searchField('Search name, serial, user, role', hostText), verdict, reason, token]);
  root.append(filters.element, table.line, table.notice, table.scroller);
  table.load(hosts);
  return {
    visit: (host) => table.visit(host, filters),
    only: (field, value) => {
      filters.reset();
      ({verdict, reason})[field].set(value);
      filters.apply();
      table.scroller.scrollIntoView({block: 'center'});
      table.focus(0);
    },
  };
}

const hostOnPaper = (host) => [...host.messages, enforcementWords(host), host.origin.report ? originWords(host) : ''].filter(Boolean).map((one) => make('p', {}, one));

// --- one host

function showHost(host, {codes, findings, openFinding}) {
  const facts = object(host.facts);
  const parts = [
    make('p', {}, word(host.verdict), known(facts.measured_at) ? ` at ${plain(facts.measured_at)}, by its own clock` : ''),
    originWords(host) ? make('p', {class: 'soft'}, originWords(host)) : null,
    host.cut ? make('p', {class: 'notice'}, 'This host sent more than can be read here; report.json has all of it.') : null,
    reasonsBlock('Why', host.reasons, codes),
    reasonsBlock('Warnings', host.warnings, codes),
    block('Messages', host.messages.length ? make('ul', {}, ...host.messages.map((one) => make('li', {}, one))) : null),
    enforcedBlock(host),
    host.history.length > 1 ? block('History', make('div', {class: 'card plot'}, historyPlot(host.history, {width: 760, height: 150, name: host.name}))) : null,
    ...factBlocks(facts),
    block('Findings that touch it', findings.length ? make('ul', {}, ...findings.map((one, index) => make('li', {}, word(one.severity), ' ',
      make('button', {class: 'link', type: 'button', onclick: () => openFinding(findings, index)}, `${one.rule}: ${one.title}`)))) : null),
  ];
  return parts.filter(Boolean);
}

const block = (title, content) => (content ? make('section', {class: 'block'}, make('h3', {}, title), content) : null);

function reasonsBlock(title, codesHere, codes) {
  if (!codesHere.length) return null;
  return block(title, make('ul', {}, ...codesHere.map((code) => {
    const about = own(codes, code, {meaning: code, action: ''});
    return make('li', {}, `${about.meaning} (`, make('code', {}, code), `)${about.action ? `. What to do: ${about.action}` : ''}`);
  })));
}

function enforcementWords(host) {
  if (!host.enforcement) return '';
  const {status, task, message} = host.enforcement;
  return status === 'ok' ? 'Enforced.' : `Enforcing: ${status}${task ? ` in task ${task}` : ''}: ${message || 'no message'}`;
}

function enforcedBlock(host) {
  if (!host.enforcement) return null;
  const rows = [['Verdict', (state) => VERDICT_WORDS[state.verdict]], ['Reasons', (state) => state.reasons.join(', ') || 'none'],
    ['Offset', (state) => seconds(clockOf(state).offset_s, true)], ['Bound', (state) => seconds(clockOf(state).bound_s)],
    ['Codes accepted', (state) => percent(object(object(object(state.facts).totp).accept_probability).rfc6238)]];
  const table = host.before ? grid('Before and after enforcing', ['', 'Before', 'After'], rows.map(([name, of]) => [name, of(host.before), of(host)])) : null;
  return block('Before and after enforcing', make('div', {}, make('p', {}, enforcementWords(host)), table));
}

const clockOf = (state) => object(object(state.facts).clock);

function grid(name, heads, rows) {
  const head = heads.map((one) => (one ? make('th', {scope: 'col'}, one) : make('td')));
  return make('div', {class: 'scroll-x', role: 'region', tabindex: 0, 'aria-label': name}, make('table', {class: 'plain'}, make('caption', {class: 'unseen'}, name), make('thead', {}, make('tr', {}, ...head)),
    make('tbody', {}, ...rows.map((cells) => make('tr', {}, ...cells.map((cell, index) => make(index ? 'td' : 'th', {scope: index ? null : 'row', class: 'wrap'}, plain(cell))))))));
}

function facts(title, pairs) {
  const shown = pairs.filter(([, value]) => value !== undefined);
  return block(title, shown.length ? make('dl', {class: 'facts card'}, ...shown.flatMap(([name, value]) => [make('dt', {}, name), make('dd', {}, typeof value === 'string' ? value : plain(value))])) : null);
}

function factBlocks(values) {
  const [clock, totp, chrony, tokens, role] = ['clock', 'totp', 'chrony', 'tokens', 'attached_role'].map((key) => object(values[key]));
  if (!Object.keys(values).length) return [];
  const chance = object(totp.accept_probability);
  const witnesses = list(clock.witnesses).map(object);
  const serials = list(values.serials).map(object);
  return [
    facts('Clock', [['Offset', seconds(clock.offset_s, true)], ['At most off', seconds(clock.bound_s)], ['Synchronised', clock.synchronised], ['Leap', clock.leap], ['Stratum', clock.stratum],
      ['Reference', clock.reference], ['Last update', known(clock.reference_age_s) ? `${seconds(clock.reference_age_s)} ago` : null],
      ['Frequency', known(clock.frequency_ppm) ? `${plain(clock.frequency_ppm)} ppm` : null]]),
    witnesses.length ? block('Witnesses', grid('Witnesses', ['Source', 'Kind', 'Offset', 'Uncertainty'], witnesses.map((one) => [one.source, one.kind, seconds(one.offset_s, true), seconds(one.uncertainty_s)]))) : null,
    facts('TOTP codes made now', [['Steps off', totp.steps_off], ['Taken, no other step allowed', percent(chance.strict)], ['Taken, one past step (RFC 6238)', percent(chance.rfc6238)], ['Taken, one step either way', percent(chance.window1)]]),
    facts('chronyd', [['Installed', chrony.installed], ['Version', chrony.version], ['Runs', chrony.active], ['Starts at boot', chrony.enabled], ['Usable sources', chrony.usable_sources], ['Unauthorised sources', chrony.unauthorised], ['Rivals', chrony.rivals]]),
    facts('Identity', [['Soft tokens', tokens.present], ['Kinds', tokens.kinds], ['Attached role', known(role.role) ? `${plain(role.role)} in account ${plain(role.account)}` : 'none']]),
    serials.length ? block('MFA serials', grid('MFA serials', ['Serial', 'File', 'Profile', 'User'], serials.map((one) => [one.serial, one.where, one.profile || '\u2013', one.user || '\u2013']))) : null,
    list(values.role_profiles).length ? block('Role profiles without a serial', grid('Role profiles without a serial', ['Role', 'File', 'Profile', 'User'], list(values.role_profiles).map(object).map((one) => [one.role_arn, one.where, one.profile, one.user || '\u2013']))) : null,
  ].filter(Boolean);
}
