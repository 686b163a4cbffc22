-- The directory: who has which mailbox and which protocols are open. The panel writes the tables (role panel); the
-- mail servers read the views (roles mail and sogo). The one table they write is login_times.
-- A change to what the panel sees raises the version below; the panel's adapter checks it when it starts.
BEGIN;

-- Compares without regard to case; citext would be a type that SOGo does not know.
CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);

CREATE TABLE schema_version (version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now());
INSERT INTO schema_version (version) VALUES (1);

CREATE TABLE domains (
  id bigserial PRIMARY KEY,
  name text NOT NULL UNIQUE CHECK (name = lower(name)),
  enabled boolean NOT NULL DEFAULT true);

CREATE TABLE accounts (
  id bigserial PRIMARY KEY,
  -- Names the mail folder and the SOGo user; never changes, so a new address moves neither mail nor calendars.
  uid text NOT NULL UNIQUE DEFAULT 'u' || replace(gen_random_uuid()::text, '-', '') CHECK (uid ~ '^u[0-9a-f]{32}$'),
  domain_id bigint NOT NULL REFERENCES domains,
  address text NOT NULL UNIQUE 
    CHECK (address = lower(address) AND address ~ '^[^][:space:][:cntrl:]@*/:\\"[]+@[a-z0-9.-]+$'),
  display_name text NOT NULL DEFAULT '',
  password_hash text NOT NULL,               -- {ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$…
  enabled boolean NOT NULL DEFAULT true,     -- false: suspended, every login refused, mail still received
  receives boolean NOT NULL DEFAULT true,    -- false: mail to it is refused
  imap boolean NOT NULL DEFAULT true,
  pop3 boolean NOT NULL DEFAULT true,
  smtp boolean NOT NULL DEFAULT true,
  activesync boolean NOT NULL DEFAULT false,
  dav boolean NOT NULL DEFAULT false,
  webmail boolean NOT NULL DEFAULT false,
  quota_bytes bigint NOT NULL DEFAULT 0 CHECK (quota_bytes >= 0),   -- 0: no limit
  marker text,                               -- the panel's id of the mailbox; NULL: not made by a panel
  -- Added to the sentence that refuses a login. Goes into IMAP, POP3 and SMTP replies: printable ASCII, one line.
  closed_reason text NOT NULL DEFAULT '' CHECK (closed_reason ~ '^[ -~]{0,200}$'));
CREATE INDEX accounts_domain ON accounts (domain_id);
CREATE INDEX accounts_login ON accounts (address COLLATE any_case);
CREATE UNIQUE INDEX accounts_marker ON accounts (marker) WHERE marker IS NOT NULL;

CREATE TABLE aliases (
  id bigserial PRIMARY KEY,
  domain_id bigint NOT NULL REFERENCES domains,
  source text NOT NULL CHECK (source = lower(source)),
  destination text NOT NULL CHECK (destination = lower(destination)),
  enabled boolean NOT NULL DEFAULT true,
  UNIQUE (source, destination));
CREATE INDEX aliases_destination ON aliases (destination);

-- The last successful login per protocol, keyed by the uid so that it survives a new address. "at" is Unix seconds,
-- as Dovecot's last_login plugin writes it.
CREATE TABLE login_times (
  uid text NOT NULL REFERENCES accounts (uid) ON DELETE CASCADE,
  protocol text NOT NULL CHECK (protocol IN ('imap', 'pop3', 'smtp', 'activesync', 'dav', 'webmail')),
  at bigint NOT NULL,
  PRIMARY KEY (uid, protocol));
CREATE VIEW last_logins AS
  SELECT a.address, t.protocol, to_timestamp(t.at) AS at FROM login_times t JOIN accounts a USING (uid);

CREATE FUNCTION note_login(login text, used text, seen double precision) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public AS $$
  INSERT INTO login_times AS known (uid, protocol, at)
    SELECT uid, used, floor(seen)::bigint FROM accounts WHERE address = lower(login)
  ON CONFLICT (uid, protocol) DO UPDATE SET at = excluded.at WHERE known.at < excluded.at
$$;
-- Postfix asks this for every message that a signed-in client hands in; the answer decides nothing.
CREATE FUNCTION note_submission(login text) RETURNS text
LANGUAGE sql SECURITY DEFINER SET search_path = public AS $$
  SELECT 'DUNNO' FROM note_login(login, 'smtp', extract(epoch FROM now()))
$$;
-- A JSON array of {"protocol", "login", "at"}; from the follower of the front door's log.
CREATE FUNCTION note_logins(seen jsonb) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public AS $$
  SELECT note_login(login, protocol, at) FROM (
    SELECT regexp_replace(s ->> 'login', '^.*\\', '') AS login, s ->> 'protocol' AS protocol,
           max((s ->> 'at')::double precision) AS at
    FROM jsonb_array_elements(seen) s GROUP BY 1, 2) latest
$$;

-- The sentence a client gets instead of a login.
CREATE FUNCTION refusal(protocol text, enabled boolean, closed_reason text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
      WHEN NOT enabled THEN 'This mailbox is suspended'
      WHEN protocol IN ('smtp', 'submission') THEN 'Sending by SMTP is turned off for this mailbox'
      ELSE upper(protocol) || ' access is turned off for this mailbox' END
    || CASE WHEN closed_reason = '' THEN '' ELSE '. ' || closed_reason END
$$;

CREATE VIEW mail_passdb AS
  SELECT a.address, a.uid, a.password_hash, a.enabled AND d.enabled AS enabled, a.imap, a.pop3, a.smtp,
         a.activesync OR a.webmail OR a.dav AS sogo, a.closed_reason
  FROM accounts a JOIN domains d ON d.id = a.domain_id;
-- Does not look at "enabled": delivery, quota and the admin API go on working for a suspended mailbox.
CREATE VIEW mail_userdb AS SELECT address, uid, quota_bytes FROM accounts;
CREATE VIEW mail_domains AS SELECT name FROM domains WHERE enabled;
CREATE VIEW mail_recipients AS
  SELECT a.address FROM accounts a JOIN domains d ON d.id = a.domain_id WHERE d.enabled AND a.receives;
CREATE VIEW mail_closed_recipients AS
  SELECT address FROM accounts WHERE NOT receives;
-- An alias leads to no mailbox that has receiving switched off.
CREATE VIEW mail_aliases AS
  SELECT source, string_agg(destination, ',' ORDER BY destination) AS destination FROM aliases l
  WHERE enabled AND NOT EXISTS (SELECT FROM accounts a WHERE a.address = l.destination AND NOT a.receives)
  GROUP BY source;
CREATE VIEW mail_senders AS   -- who may use which MAIL FROM
  SELECT address AS sender, address AS login FROM accounts
  UNION SELECT source, destination FROM aliases WHERE enabled;

-- SOGo compares constraint columns as strings. It asks for the login as it was typed, and phones like to begin it with a
-- capital letter, hence the collation.
CREATE VIEW sogo_users AS
  SELECT a.uid AS c_uid, a.uid AS c_name, a.password_hash AS c_password, a.display_name AS c_cn,
         a.address AS mail, a.address COLLATE any_case AS login, a.address AS imap_login,
         coalesce((SELECT string_agg(source, ' ') FROM aliases l WHERE l.destination = a.address AND l.enabled), '') AS alias_mail,
         d.name AS domain,
         CASE WHEN a.activesync THEN 'Y' ELSE 'N' END AS eas_access,
         CASE WHEN a.dav THEN 'Y' ELSE 'N' END AS dav_access,
         CASE WHEN a.webmail THEN 'Y' ELSE 'N' END AS web_access,
         CASE WHEN a.activesync OR a.webmail THEN 'Y' ELSE 'N' END AS mail_access
  FROM accounts a JOIN domains d ON d.id = a.domain_id WHERE a.enabled AND d.enabled;

REVOKE ALL ON FUNCTION note_login, note_submission, note_logins FROM PUBLIC;
GRANT SELECT ON schema_version, login_times, last_logins TO panel;
GRANT SELECT, INSERT, UPDATE, DELETE ON domains, accounts, aliases TO panel;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO panel;
GRANT SELECT ON mail_passdb, mail_userdb, mail_domains, mail_recipients, mail_closed_recipients, mail_aliases, mail_senders TO mail;
GRANT SELECT, INSERT, UPDATE ON login_times TO mail;
GRANT EXECUTE ON FUNCTION note_submission, note_logins TO mail;
GRANT SELECT ON sogo_users TO sogo;

COMMIT;
