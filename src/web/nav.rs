//! The places of the panel and how they stand in the sidebar. Words, icons and groups are settled
//! here; addresses come from the route table, and who sees which place from the permissions.

use super::shell::Tone;

/// The places, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    Overview,
    Tenants,
    Domains,
    Users,
    Mailboxes,
    Conversions,
    Imports,
    Messages,
    MailServers,
    Plans,
    ApiKeys,
    Audit,
    Settings,
}

impl Section {
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Tenants => "Tenants",
            Self::Domains => "Domains",
            Self::Users => "Users",
            Self::Mailboxes => "Mailboxes",
            Self::Conversions => "Conversions",
            Self::Imports => "Imports",
            Self::Messages => "Messages",
            Self::MailServers => "Mail servers",
            Self::Plans => "Plans & seats",
            Self::ApiKeys => "API keys",
            Self::Audit => "Audit",
            Self::Settings => "Settings",
        }
    }

    #[must_use]
    pub const fn icon(self) -> &'static str {
        match self {
            Self::Overview => "overview",
            Self::Tenants => "customers",
            Self::Domains => "domain",
            Self::Users => "users",
            Self::Mailboxes => "mailboxes",
            Self::Conversions => "convert",
            Self::Imports => "download",
            Self::Messages => "mail",
            Self::MailServers => "server",
            Self::Plans => "plans",
            Self::ApiKeys => "key",
            Self::Audit => "audit",
            Self::Settings => "settings",
        }
    }

    const fn group(self) -> Option<&'static str> {
        match self {
            Self::Overview | Self::Tenants | Self::Domains | Self::Users => None,
            Self::Mailboxes | Self::Conversions | Self::Imports | Self::Messages => {
                Some("Services")
            }
            Self::MailServers | Self::Plans | Self::ApiKeys | Self::Audit | Self::Settings => {
                Some("Account")
            }
        }
    }
}

/// Sections under one heading; the first group has none.
#[derive(Debug, Clone)]
pub struct NavGroup {
    pub title: Option<&'static str>,
    pub items: Vec<NavItem>,
}

#[derive(Debug, Clone)]
pub struct NavItem {
    pub section: Section,
    pub href: String,
    pub current: bool,
    /// What waits there for somebody, if anything.
    pub count: Option<Count>,
}

/// A number beside a section, coloured only when somebody has to act.
#[derive(Debug, Clone)]
pub struct Count {
    pub text: String,
    /// Read aloud after the number: "problems", "running".
    pub noun: String,
    /// [`Tone::Bad`] and [`Tone::Warn`] are coloured; every other tone is quiet.
    pub tone: Tone,
}

/// Groups the places a person may see, in the order given, and marks the one they are at.
#[must_use]
pub fn navigation(
    sections: impl IntoIterator<Item = (Section, String, Option<Count>)>,
    current: Option<Section>,
) -> Vec<NavGroup> {
    let mut groups: Vec<NavGroup> = Vec::new();
    for (section, href, count) in sections {
        let item = NavItem {
            section,
            href,
            current: current == Some(section),
            count,
        };
        match groups
            .last_mut()
            .filter(|group| group.title == section.group())
        {
            Some(group) => group.items.push(item),
            None => groups.push(NavGroup {
                title: section.group(),
                items: vec![item],
            }),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_grouped_and_the_current_one_is_marked() {
        let at = |section: Section| (section, format!("/{}", section.icon()), None);
        let nav = navigation(
            [
                at(Section::Overview),
                at(Section::Users),
                at(Section::Mailboxes),
                at(Section::Audit),
            ],
            Some(Section::Users),
        );
        let titles: Vec<_> = nav.iter().map(|group| group.title).collect();
        assert_eq!(titles, [None, Some("Services"), Some("Account")]);
        let current: Vec<_> = nav
            .iter()
            .flat_map(|group| &group.items)
            .filter(|item| item.current)
            .collect();
        assert_eq!(current.len(), 1);
        assert_eq!(current[0].section, Section::Users);
    }
}
