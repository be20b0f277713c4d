// Figures and codes in words.

const VERDICTS = ['noncompliant', 'unknown', 'compliant'];
const SEVERITIES = ['critical', 'high', 'medium', 'low', 'info'];
const VERDICT_WORDS = {noncompliant: 'Not compliant', unknown: 'Unknown', compliant: 'Compliant'};

const UNITS = [[86400 * 2, 86400, 'd'], [7200, 3600, 'h'], [120, 60, 'min'], [1, 1, 's'], [1e-3, 1e-3, 'ms'], [0, 1e-6, '\u00b5s']];

function seconds(value, signed = false) {
  const exact = number(value);
  if (exact === null) return MISSING;
  const size = Math.abs(exact);
  const [, unit, name] = UNITS.find(([least]) => size >= least);
  const digits = name === '\u00b5s' ? 0 : 1;
  const sign = exact < 0 ? '\u2212' : signed && exact > 0 ? '+' : '';
  return `${sign}${(size / unit).toFixed(digits)}\u00a0${name}`;
}

// Never rounded up to a promise: 99.96 % is not 100 %.
function percent(value) {
  const share = number(value);
  return share === null || share < 0 || share > 1 ? MISSING : `${Math.floor(share * 1000 + 1e-9) / 10}\u00a0%`;
}

function plain(value) {
  if (!known(value)) return MISSING;
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value)) return value.length ? value.map(plain).join(', ') : 'none';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

const word = (kind) => make('span', {class: `word ${VERDICTS.includes(kind) || SEVERITIES.includes(kind) ? kind : 'unknown'}`}, own(VERDICT_WORDS, kind, plain(kind)));

const CREDENTIALS = {
  long_term_key: 'a long-term access key, which never carries MFA,',
  session_without_mfa: 'a session that was started without MFA',
  session_with_mfa: 'a session that was started with MFA',
  role_session: 'the session of a role, which itself carries no MFA,',
};

function witnessWords(witness, path) {
  const who = own(CREDENTIALS, witness.credential, plain(witness.credential));
  const first = who.charAt(0).toUpperCase() + who.slice(1);
  const condition = String(path || '').startsWith('Condition');
  const last = who.replace(/,$/, '');
  const sentences = {
    allowed: condition ? `${first} passes this condition: it is allowed in.` : `${first} gets through here: it is allowed in.`,
    denied: condition ? `${first} fails this condition: it is denied.` : `${first} is denied here.`,
    never: `This statement never applies to ${last}.`,
    always: `This statement always applies to ${last}.`,
  };
  return own(sentences, witness.outcome, `${first}: ${plain(witness.outcome)}.`);
}
