//! The panel, or several, with their database and a mail stack: what the scenarios begin with.
use std::sync::Arc;

use crate::database::{Database, Postgres};
use crate::fate::{Blow, Fate, Rhythm};
use crate::figures::Figures;
use crate::hosting::{Customer, Way};
use crate::panel::{Frozen, Panel};
use crate::run::Run;
use crate::stack::{Daemon, Stack};
use crate::trial::Trial;

/// Mailboxes of each scenario.
const MAILBOXES: usize = 8;

/// A panel dies as often as this.
pub const PANEL: Rhythm = Rhythm {
    lives: 600..3_500,
    stays_down: 0..700,
};

/// A move takes longer, and is to end now and then.
const PANEL_THAT_MOVES: Rhythm = Rhythm {
    lives: 600..8_000,
    stays_down: 0..700,
};

/// It stands still as often as this.
const FREEZE: Rhythm = Rhythm {
    lives: 2_000..6_000,
    stays_down: 500..9_000,
};

/// A daemon does, which takes a moment to start.
pub const DAEMON: Rhythm = Rhythm {
    lives: 3_000..12_000,
    stays_down: 0..4_000,
};

/// Where the panels keep their data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// One panel.
    Sqlite,
    /// As many as one likes.
    Postgres,
}

/// Everything that can be struck.
pub struct Scene {
    /// What the run was told.
    pub trial: Trial,
    /// The processes of the panel.
    pub panels: Vec<Arc<Panel>>,
    /// Where their data are.
    pub database: Arc<Database>,
    /// The mail servers.
    pub stacks: Vec<Stack>,
    /// Everybody at work.
    pub run: Run,
    /// What strikes.
    pub fate: Fate,
    /// Gone with the scene.
    _folder: tempfile::TempDir,
}

impl Scene {
    /// With so many panels; `prepared` is told each before it is started.
    pub async fn new(
        trial: Trial,
        kept: Kept,
        panels: u16,
        stacks: Vec<Stack>,
        prepared: impl Fn(Panel) -> Panel,
    ) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let database = match kept {
            Kept::Sqlite => Database::Sqlite(folder.path().join("panel.db")),
            Kept::Postgres => Database::Postgres(Postgres::new(&trial, "panel").await),
        };
        let panel = |n| Arc::new(prepared(Panel::new(&trial, n, &database.url())));
        let panels: Vec<_> = (0..panels).map(panel).collect();
        let (customer, mut script) = Customer::new(&panels[0], &stacks, MAILBOXES).await;
        for panel in &panels[1..] {
            panel.start();
            panel.wait_until_up().await;
            script.also_asks(&panel.base);
        }
        let run = Run::start(&trial, customer, script);
        Self {
            trial,
            panels,
            database: Arc::new(database),
            stacks,
            run,
            fate: Fate::default(),
            _folder: folder,
        }
    }

    /// Every panel is killed, each at its own moments.
    pub fn panels_die(mut self) -> Self {
        let rhythm = match self.run.customer.way {
            Way::InPlace => PANEL,
            Way::Moving => PANEL_THAT_MOVES,
        };
        for panel in self.panels.clone() {
            self.fate.strikes(&self.trial, panel, &rhythm);
        }
        self
    }

    /// Every panel stands still for a while, longer than its leases last.
    pub fn panels_freeze(mut self) -> Self {
        for panel in self.panels.clone() {
            let what = Arc::new(Frozen(panel));
            self.fate.strikes(&self.trial, what, &FREEZE);
        }
        self
    }

    /// A daemon of every stack is killed.
    pub fn daemons_die(mut self, daemon: Daemon) -> Self {
        for stack in self.stacks.clone() {
            let what = Arc::new((stack, daemon));
            self.fate.strikes(&self.trial, what, &DAEMON);
        }
        self
    }

    /// The panel's own database server is killed.
    pub fn database_dies(mut self) -> Self {
        let what = self.database.clone();
        self.fate.strikes(&self.trial, what, &DAEMON);
        self
    }

    /// Something else is struck.
    pub fn struck_by(mut self, what: Arc<dyn Blow>, rhythm: &Rhythm) -> Self {
        self.fate.strikes(&self.trial, what, rhythm);
        self
    }

    /// Until it is over; then this is done to the mail, and everything is counted.
    pub async fn sabotaged(mut self, sabotage: impl FnOnce()) -> Figures {
        self.run.until_over().await;
        self.run.rest().await;
        sabotage();
        self.run.reckoned("sabotage", String::new()).await
    }

    /// Until it is over; then everything is counted.
    pub async fn plays(mut self, name: &str) {
        self.run.until_over().await;
        let struck = self.fate.ends().await;
        let figures = self.run.reckoned(name, struck).await;
        figures.told(&self.trial.folder);
    }
}
