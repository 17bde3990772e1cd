//! `hooks.ts`: the hooks of `@cosmictron/react`, which know the module.

use super::TypeScript;

const HOOKS: &str = include_str!("hooks.ts");

pub(super) fn text(typescript: &TypeScript<'_>) -> String {
    format!("{}\n{HOOKS}", typescript.head())
}
