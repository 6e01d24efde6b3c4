import { regclass } from './tables.ts'
import type { TableNames } from './table-names.ts'

// How changes are told. Every change draws a number and is told with it by NOTIFY. The number is drawn under a lock that is held to the end of
// the transaction, so numbers, commits and what a listener hears have one order; whoever has heard of a number has heard of all that anybody
// could read when it was the last. PostgreSQL itself puts transactions that notify in one order, for the same stretch.
//
// Our own functions tell what they do; triggers tell what other programs do to the table, at the end of their transaction, and end the
// leases of what they touch at once. The triggers run as the owner of the table: who may write to it need not be permitted anything else.
//
// A telling is [number, origin, kind, keys]; the kind is k (keys), t (the tag clock) or * (any key); number 0: the rest of it follows.

/** A payload has to be shorter than 8,000 bytes: https://www.postgresql.org/docs/current/sql-notify.html */
const longestPayload = 7900
/** Rows that one statement of another program changed, from which on it is told as a change of any key. */
const mostRows = 1000

export function changeFunctions(names: TableNames): string {
  const { of } = names
  const channel = `'${names.channel}'`
  return `
create or replace function ${of('tell')}(p_kind text, p_keys text[], p_origin text) returns void
language plpgsql set search_path = '' set lock_timeout = '1s' as ${names.dollar}
declare
  n bigint;
  one text;
  payload text;
begin
  perform pg_advisory_xact_lock(hashtextextended(${names.literal('changes')}, 0));
  n := nextval(${regclass(names, 'changes')});
  payload := json_build_array(n, p_origin, p_kind, p_keys)::text;
  if octet_length(payload) > ${longestPayload} then
    foreach one in array p_keys loop
      payload := json_build_array(0, p_origin, p_kind, array[one])::text;
      if octet_length(payload) > ${longestPayload} then
        payload := json_build_array(0, p_origin, '*', '{}'::text[])::text;
      end if;
      perform pg_notify(${channel}, payload);
    end loop;
    payload := json_build_array(n, p_origin, p_kind, '{}'::text[])::text;
  end if;
  perform pg_notify(${channel}, payload);
end ${names.dollar};

create or replace function ${of('voided')}() returns trigger
language plpgsql security definer set search_path = '' as ${names.dollar}
begin
  new.lease := null;
  new.lease_until := null;
  return new;
end ${names.dollar};

create or replace function ${of('changed')}() returns trigger
language plpgsql security definer set search_path = '' as ${names.dollar}
declare
  keys text[] := '{}';
  told integer := coalesce(nullif(current_setting('speedrun_cache.told', true), ''), '0')::integer + 1;
begin
  -- What was over already is no news.
  if tg_op = 'DELETE' and old.expires_at <= clock_timestamp()
    and (old.lease_until is null or old.lease_until <= clock_timestamp()) then return null; end if;
  perform set_config('speedrun_cache.told', told::text, true);
  if told > ${mostRows} then return null; end if;
  if told = ${mostRows} then
    perform ${of('tell')}('*', '{}', '');
    return null;
  end if;
  if tg_op <> 'INSERT' then keys := array[coalesce(old.long_key, old.key)]; end if;
  if tg_op <> 'DELETE' and not (coalesce(new.long_key, new.key) = any(keys)) then
    keys := keys || coalesce(new.long_key, new.key);
  end if;
  perform ${of('tell')}('k', keys, '');
  return null;
end ${names.dollar};

create or replace function ${of('emptied')}() returns trigger
language plpgsql security definer set search_path = '' as ${names.dollar}
begin
  perform ${of('tell')}('*', '{}', '');
  return null;
end ${names.dollar};

-- The number of the last change, none of which is still under way.
create or replace function ${of('position')}() returns table (changes text)
language plpgsql volatile set search_path = '' set lock_timeout = '1s' as ${names.dollar}
begin
  perform pg_advisory_xact_lock(hashtextextended(${names.literal('changes')}, 0));
  return query select last_value::text from ${of('changes')};
end ${names.dollar};
`
}

/** Made anew, since there is no "create or replace" for them; each takes a lock on the table for a moment. */
export function changeTriggers(names: TableNames): string {
  const { of } = names
  const others = `when (current_setting('speedrun_cache.quiet', true) is distinct from 'on')`
  return `
drop trigger if exists speedrun_cache_voided on ${of()};
create trigger speedrun_cache_voided before update on ${of()}
  for each row ${others} execute function ${of('voided')}();
drop trigger if exists speedrun_cache_changed on ${of()};
create constraint trigger speedrun_cache_changed after insert or update or delete on ${of()}
  deferrable initially deferred for each row ${others} execute function ${of('changed')}();
drop trigger if exists speedrun_cache_emptied on ${of()};
create trigger speedrun_cache_emptied after truncate on ${of()}
  for each statement execute function ${of('emptied')}();
`
}
