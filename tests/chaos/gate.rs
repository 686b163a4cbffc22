//! A gate in a Postgres: whoever writes a certain thing is held inside its transaction, until the
//! gate is opened. So the panel can be killed exactly before it commits, and right after, without
//! a hook in the program.
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _};

/// The lock that holds the writer.
const LOCK: i64 = 0x0043_4841_4f53;

/// How long a writer may take to come.
const PATIENCE: Duration = Duration::from_mins(2);

/// A gate at some tables. The connection that holds it shut is apart from the one that looks.
pub struct Gate {
    holds: PgConnection,
    looks: PgConnection,
    tables: Vec<&'static str>,
}

impl Gate {
    /// Puts a gate at the tables; it stands open.
    pub async fn new(url: &str, tables: &[&'static str]) -> Self {
        let mut looks = PgConnection::connect(url).await.expect("a back door");
        let holds = PgConnection::connect(url).await.expect("a back door");
        let trigger = format!(
            "CREATE TABLE IF NOT EXISTS chaos_gate (condition text NOT NULL);
             GRANT SELECT ON chaos_gate TO PUBLIC;
             CREATE OR REPLACE FUNCTION chaos_gate() RETURNS trigger LANGUAGE plpgsql AS $$
             DECLARE wanted text; met boolean;
             BEGIN
               FOR wanted IN SELECT condition FROM chaos_gate LOOP
                 EXECUTE 'SELECT ' || wanted INTO met 
                   USING to_jsonb(OLD), to_jsonb(NEW), TG_TABLE_NAME::text;
                 IF met THEN PERFORM pg_advisory_xact_lock_shared({LOCK}); END IF;
               END LOOP;
               RETURN NULL;
             END $$;
             DELETE FROM chaos_gate"
        );
        run(&mut looks, &trigger).await;
        for table in tables {
            let trigger = format!(
                "CREATE OR REPLACE TRIGGER chaos_gate AFTER INSERT OR UPDATE ON {table}
                   FOR EACH ROW EXECUTE FUNCTION chaos_gate()"
            );
            run(&mut looks, &trigger).await;
        }
        Self {
            holds,
            looks,
            tables: tables.to_vec(),
        }
    }

    /// Shuts it for whoever inserts or updates a row of which this is true: `$1` is the old row,
    /// `$2` the new one, as JSON, and `$3` the table.
    pub async fn shut(&mut self, condition: &str) {
        run(&mut self.holds, &format!("SELECT pg_advisory_lock({LOCK})")).await;
        let added = sqlx::query("INSERT INTO chaos_gate VALUES ($1)").bind(condition);
        added.execute(&mut self.looks).await.expect("a condition");
    }

    /// Waits until somebody stands before it.
    pub async fn wait(&mut self, what: &str) {
        let begun = Instant::now();
        while self.standing().await == 0 {
            assert!(
                begun.elapsed() < PATIENCE,
                "nobody came to the gate: {what}"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Opens it: whoever stands there goes on.
    pub async fn open(&mut self) {
        run(&mut self.looks, "DELETE FROM chaos_gate").await;
        let unlock = format!("SELECT pg_advisory_unlock({LOCK})");
        run(&mut self.holds, &unlock).await;
    }

    /// Waits until whoever stood there has committed: its locks are gone.
    pub async fn wait_until_through(&mut self) {
        let begun = Instant::now();
        while self.locks("").await > 0 {
            assert!(begun.elapsed() < PATIENCE, "somebody stays in the gate");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Takes the gate away.
    pub async fn remove(mut self) {
        for table in &self.tables {
            let gone = format!("DROP TRIGGER chaos_gate ON {table}");
            run(&mut self.looks, &gone).await;
        }
        let gone = "DROP FUNCTION chaos_gate(); DROP TABLE chaos_gate";
        run(&mut self.looks, gone).await;
    }

    async fn standing(&mut self) -> i64 {
        self.locks("AND NOT granted").await
    }

    /// How many have, or wait for, the lock.
    async fn locks(&mut self, which: &str) -> i64 {
        let count = format!(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'
               AND classid = ({LOCK} >> 32)::oid AND objid = ({LOCK} & 4294967295)::oid
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
               {which}"
        );
        let row = sqlx::query(AssertSqlSafe(count)).fetch_one(&mut self.looks);
        row.await.expect("the locks").get(0)
    }
}

async fn run(connection: &mut PgConnection, sql: &str) {
    // Several statements at once go by the simple protocol.
    let done = connection
        .execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned())))
        .await;
    done.unwrap_or_else(|fault| panic!("{sql}: {fault}"));
}
