// The page put together.

const data = JSON.parse(document.getElementById('data').textContent);
const byId = (id) => document.getElementById(id);

const hosts = data.hosts.map((one, index) => readHost(one, index, data.pool));
const account = data.account || {findings: [], documents: []};
const findings = account.findings.map((one, index) => readFinding(one, index, data.pool));
const findingsOf = new Map();
for (const finding of findings) {
  for (const host of finding.hosts) {
    if (!findingsOf.has(host)) findingsOf.set(host, []);
    findingsOf.get(host).push(finding);
  }
}

// --- addresses: each host and each finding has a fragment of its own

const places = {
  host: {items: hosts, nameOf: (host) => host.name, visit: null},
  finding: {items: findings, nameOf: (finding) => finding.id, visit: null},
};

const addressOf = (kind, item) => `#${kind}=${encodeURIComponent(wellFormed(places[kind].nameOf(item)))}`;

// What is open is what the address says, and no step to go back to.
function setAddress(fragment) {
  try {
    history.replaceState(null, '', fragment || location.href.replace(/#.*$/s, ''));
  } catch { /* too many in a few seconds, or in a frame: what is open does not depend on it */ }
}

function visitAddress() {
  const [, kind, encoded] = location.hash.match(/^#(host|finding)=(.*)$/s) || [];
  byId('nowhere').hidden = true;
  if (!kind) return;
  let name = encoded;
  try { name = decodeURIComponent(encoded); } catch { /* no address that this page made: it names nothing here */ }
  const {items, nameOf, visit} = places[kind];
  const found = items.find((item) => wellFormed(nameOf(item)) === name);
  if (found && visit) return visit(found);
  byId('nowhere').hidden = false;
  byId('nowhere').textContent = visible(`The address asks for the ${kind} ${name.slice(0, 200)}, and this report has none of that name.`);
  byId('nowhere').scrollIntoView({block: 'center'});
}

// --- the sheet: one of a list, with ways to the one before and after

const sheet = byId('sheet');
const trail = {items: [], index: 0, show: null, left: null};

function openSheet(items, index, show, left = null) {
  Object.assign(trail, {items, show});
  if (!sheet.open) {
    trail.left = left;
    sheet.showModal();
  }
  turnTo(index);
}

function turnTo(index) {
  trail.index = index;
  const {title, content, kind} = trail.show(trail.items[index]);
  const address = addressOf(kind, trail.items[index]);
  byId('sheet-link').textContent = `Link to this ${kind}`;
  byId('sheet-link').setAttribute('href', address);
  setAddress(address);
  byId('sheet-title').textContent = visible(title);
  byId('sheet-body').replaceChildren(...content);
  byId('sheet-place').textContent = `${(index + 1).toLocaleString('en')} of ${trail.items.length.toLocaleString('en')}`;
  byId('sheet-previous').disabled = index === 0;
  byId('sheet-next').disabled = index === trail.items.length - 1;
  sheet.scrollTop = 0;
  byId('sheet-title').focus({preventScroll: true});
}

byId('sheet-close').addEventListener('click', () => sheet.close());
byId('sheet-previous').addEventListener('click', () => turnTo(trail.index - 1));
byId('sheet-next').addEventListener('click', () => turnTo(trail.index + 1));
sheet.addEventListener('click', (event) => { if (event.target === sheet && event.clientX < sheet.getBoundingClientRect().left) sheet.close(); });
sheet.addEventListener('close', () => {
  setAddress('');
  if (trail.left) trail.left();
});

const hostSheet = (host) => ({
  kind: 'host',
  title: host.name,
  content: showHost(host, {codes: data.codes, findings: findingsOf.get(host.index) || [], openFinding}),
});
const findingSheet = (finding) => ({
  kind: 'finding',
  title: finding.title,
  content: showFinding(finding, {documents: account.documents, hosts, openHost}),
});

function openHost(items, index, left) {
  openSheet(items, index, hostSheet, left);
}

function openFinding(items, index, left) {
  openSheet(items, index, findingSheet, left);
}

// --- the parts

function showUnknown(root, only) {
  const apart = hosts.filter((host) => host.verdict === 'unknown' || host.offset === null);
  if (!apart.length) return;
  const more = apart.length - 12;
  root.append(make('section', {class: 'card apart'},
    make('h3', {}, `Not drawn: ${count(apart.length, 'host')} that ${apart.length === 1 ? 'is' : 'are'} unknown or whose offset nobody knows`),
    make('ul', {}, ...apart.slice(0, 12).map((host, index) => make('li', {}, make('button', {class: 'link', type: 'button', onclick: () => openHost(apart, index)}, host.name))),
      more > 0 ? make('li', {}, `and ${more.toLocaleString('en')} more`) : null),
    hosts.some((host) => host.verdict === 'unknown') ? make('p', {}, make('button', {class: 'link', type: 'button', onclick: () => only('verdict', 'unknown')}, 'Show those whose verdict is unknown in the table')) : null));
}

function showHistories(root) {
  const worst = (host) => host.history.reduce((far, point) => Math.max(far, Math.abs(point[1] || 0)), 0);
  const told = hosts.filter((host) => host.history.length > 1).sort((one, other) => worst(other) - worst(one));
  if (!told.length) return;
  root.append(make('h3', {}, `How clocks went: ${told.length > 12 ? `12 of ${told.length.toLocaleString('en')} hosts with an agent, those that were furthest off` : `${count(told.length, 'host')} with an agent`}`),
    make('div', {class: 'small-plots'}, ...told.slice(0, 12).map((host, index) => make('div', {class: 'card plot'},
      make('button', {class: 'link', type: 'button', onclick: () => openHost(told, index)}, host.name), make('span', {class: 'soft'}, ` furthest ${seconds(worst(host))}`), historyPlot(host.history, {width: 260, height: 70, name: host.name})))));
}

function showThemes(button) {
  const root = document.documentElement;
  const isDark = () => (root.dataset.theme || (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')) === 'dark';
  const say = () => {
    button.textContent = isDark() ? 'Light' : 'Dark';
    button.setAttribute('aria-label', `Use ${isDark() ? 'light' : 'dark'} colours`);
  };
  try { root.dataset.theme = localStorage.getItem('softtoken-theme') || ''; } catch { /* a page from a file may not keep anything */ }
  button.addEventListener('click', () => {
    root.dataset.theme = isDark() ? 'light' : 'dark';
    try { localStorage.setItem('softtoken-theme', root.dataset.theme); } catch { /* then it holds until the page is left */ }
    say();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', say);
  say();
  button.hidden = false;
}

showThemes(byId('theme'));
if (byId('hosts-table') && hosts.length) {
  const {only, visit} = showHosts(byId('hosts-table'), hosts, data.codes, openHost);
  places.host.visit = visit;
  byId('drift-lead').hidden = !new DriftPlot(byId('drift-plot'), hosts, openHost).hosts.length;
  showUnknown(byId('drift-unknown'), only);
  showHistories(byId('history'));
  document.addEventListener('click', (event) => {
    const button = event.target.closest('button[data-reason]');
    if (button) only('reason', button.dataset.reason);
  });
}
if (byId('findings-table')) places.finding.visit = showFindings(byId('findings-table'), findings, account.documents, openFinding).visit;
addEventListener('hashchange', visitAddress);
visitAddress();
