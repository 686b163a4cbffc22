//! What every page shows around its own content: where we are, who we are, what was just said.
//! Filled by the web room from the request and drawn by `templates/layouts`. It holds words and
//! addresses only; who may see which place is decided before it gets here.

use std::fmt;

use chrono::{DateTime, Utc};

use super::nav::NavGroup;

/// Around each signed-in page. A page's struct has it as first field, named `shell`.
#[derive(Debug, Clone)]
pub struct Shell {
    /// The page's `h1` and, with the tenant and the brand, its title.
    pub title: String,
    /// The name at the top: the panel's own or the reseller's.
    pub brand: String,
    pub tenant: TenantLabel,
    pub person: PersonLabel,
    pub theme: Theme,
    /// From [`super::nav::navigation`].
    pub nav: Vec<NavGroup>,
    pub breadcrumbs: Vec<Crumb>,
    pub flash: Option<Flash>,
    pub links: ShellLinks,
    /// The moment the page is drawn for; "5 min ago" counts from here.
    pub now: DateTime<Utc>,
}

impl Shell {
    /// One step more of the way here; the page itself has no address.
    #[must_use]
    pub fn step(mut self, label: impl Into<String>, href: impl Into<Option<String>>) -> Self {
        self.breadcrumbs.push(Crumb {
            label: label.into(),
            href: href.into(),
        });
        self
    }
}

/// Around pages for people who have not signed in, and around errors that have no tenant.
#[derive(Debug, Clone)]
pub struct PlainShell {
    pub title: String,
    pub brand: String,
    pub theme: Theme,
    /// Where the brand at the top leads.
    pub home: String,
}

/// Addresses of the shell itself, made by the route table.
#[derive(Debug, Clone)]
pub struct ShellLinks {
    /// The overview; the brand leads there.
    pub home: String,
    /// Where one changes the tenant; without it the name is only shown.
    pub tenants: Option<String>,
    /// A page that takes `?q=`; without it there is no search in the sidebar.
    pub search: Option<String>,
    /// Takes `theme=auto|light|dark` by POST.
    pub theme: String,
    /// Takes a POST.
    pub sign_out: String,
}

#[derive(Debug, Clone)]
pub struct TenantLabel {
    pub slug: String,
    pub name: String,
    /// The tenant above, where the person may know of it.
    pub parent: Option<String>,
}

#[derive(Debug, Clone)]
pub struct PersonLabel {
    pub name: String,
    /// "Admin, Quayside Hosting".
    pub role: String,
}

impl PersonLabel {
    /// First letters of the first and the last word of the name: "Ines Marlow" is "IM".
    #[must_use]
    pub fn initials(&self) -> String {
        let mut words = self.name.split_whitespace();
        let first = words.next().and_then(|word| word.chars().next());
        let last = words.next_back().and_then(|word| word.chars().next());
        first
            .into_iter()
            .chain(last)
            .flat_map(char::to_uppercase)
            .collect()
    }
}

/// How bright the person wants it. `Display` and [`Theme::parse`] speak the same three words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// As the system says.
    #[default]
    Auto,
    Light,
    Dark,
}

impl Theme {
    pub const ALL: [Self; 3] = [Self::Auto, Self::Light, Self::Dark];

    /// Anything but `light` and `dark` is `auto`: a cookie may hold what it likes.
    #[must_use]
    pub fn parse(word: &str) -> Self {
        match word {
            "light" => Self::Light,
            "dark" => Self::Dark,
            _ => Self::Auto,
        }
    }

    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Auto => "As the system",
            Self::Light => "Light",
            Self::Dark => "Dark",
        }
    }

    #[must_use]
    pub const fn icon(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "sun",
            Self::Dark => "moon",
        }
    }
}

impl fmt::Display for Theme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        })
    }
}

/// What a mark or a ground means. `Display` is the word that the stylesheets know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// Being worked on.
    Busy,
    /// Waits for its turn.
    Wait,
    /// Somebody should look.
    Warn,
    /// Broken, or failed.
    Bad,
    /// Closed, suspended, not offered.
    Off,
}

impl fmt::Display for Tone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Good => "good",
            Self::Busy => "busy",
            Self::Wait => "wait",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Off => "off",
        })
    }
}

/// One step of the way here; the last has no address.
#[derive(Debug, Clone)]
pub struct Crumb {
    pub label: String,
    pub href: Option<String>,
}

/// Said once, on the page after a redirect.
#[derive(Debug, Clone)]
pub struct Flash {
    /// True when nothing was done.
    pub bad: bool,
    /// What happened, to what, what to do now.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn initials(name: &str) -> String {
        PersonLabel {
            name: name.to_owned(),
            role: String::new(),
        }
        .initials()
    }

    #[test]
    fn initials_are_the_first_and_the_last_words_letters() {
        assert_eq!(initials("Ines Marlow"), "IM");
        assert_eq!(initials("bram de Wit"), "BW");
        assert_eq!(initials("Åsa"), "Å");
        assert_eq!(initials(""), "");
    }

    #[test]
    fn a_theme_survives_its_own_word_and_anything_else_is_the_systems() {
        for theme in Theme::ALL {
            assert_eq!(Theme::parse(&theme.to_string()), theme);
        }
        assert_eq!(Theme::parse("<script>"), Theme::Auto);
    }
}
