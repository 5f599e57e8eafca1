//! Which class of events a rule's log source means; the schema says which log sources a class has.

use vonggac_event::Class;

#[derive(Debug, Clone, Default)]
pub(crate) struct Logsource {
    pub(crate) category: Option<String>,
    pub(crate) product: Option<String>,
    pub(crate) service: Option<String>,
}

impl Logsource {
    /// The class, or why there is none.
    pub(crate) fn class(&self) -> Result<Class, String> {
        let category = self.category.as_deref();
        let product = self.product.as_deref();
        let service = self.service.as_deref();
        let covers = |class: &Class| match (product, category, service) {
            // What a web server or a proxy logs is what the sensor reads off the wire, whoever made it.
            (_, Some(category), _) if is_in(class.info().categories_of_any_product, category) => true,
            (Some("zeek"), _, Some(service)) => is_in(class.info().zeek_logs, service),
            (Some("suricata"), _, Some(service)) => is_in(class.info().suricata_logs, service),
            (Some("vonggac"), _, Some(service)) => class.name() == service,
            (None, None, Some(service)) => is_in(class.info().services, service),
            (None | Some("zeek" | "suricata" | "vonggac"), Some(category), None) => {
                class.name() == category || is_in(class.info().categories, category)
            }
            _ => false,
        };
        let class = Class::ALL.into_iter().find(covers);
        class.ok_or_else(|| format!("no class of events covers the log source {self}"))
    }
}

impl std::fmt::Display for Logsource {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = [
            ("category", &self.category),
            ("product", &self.product),
            ("service", &self.service),
        ];
        let parts: Vec<_> = parts
            .iter()
            .filter_map(|(name, value)| Some(format!("{name} {}", value.as_ref()?)))
            .collect();
        write!(out, "{}", parts.join(", "))
    }
}

fn is_in(names: &[&str], name: &str) -> bool {
    names.contains(&name)
}
