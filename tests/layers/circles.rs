//! Which file imports which, and where that goes round in a circle.
//!
//! An import is a path of code that leads to another file. Through a table of contents it leads to the file that
//! defines the name; a table itself (its `mod`, its `pub use`) imports nothing, and neither do tests.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::source::{Mention, Root, Source};

/// Every circle among `files`.
pub(crate) fn circles(files: &[Source]) -> Vec<Circle> {
    let graph = Imports::among(files);
    let reached: Vec<_> = (0..files.len()).map(|file| graph.reached_from(file)).collect();
    let mut circles: Vec<Circle> = Vec::new();
    for file in 0..files.len() {
        let members: Vec<_> =
            reached[file].keys().copied().filter(|other| reached[*other].contains_key(&file)).collect();
        if members.first() == Some(&file) {
            let ways = members.iter().map(|member| graph.way_round(*member, &reached[*member]));
            let shortest = ways.min_by_key(Vec::len).unwrap();
            let members = members.iter().map(|member| files[*member].path.clone()).collect();
            circles.push(Circle { members, shortest: graph.written(&shortest) });
        }
    }
    circles
}

/// Files of which each imports, by way of others, all the others.
pub(crate) struct Circle {
    pub(crate) members: Vec<String>,
    /// The imports of the shortest way round, as a message shows them.
    pub(crate) shortest: String,
}

/// For each file the files that it imports, and the line that does so first.
struct Imports<'a> {
    files: &'a [Source],
    lines: Vec<BTreeMap<usize, usize>>,
}

impl<'a> Imports<'a> {
    fn among(files: &'a [Source]) -> Self {
        let tree = Tree::of(files);
        let lines = (0..files.len()).map(|file| tree.imports(file)).collect();
        Self { files, lines }
    }

    /// Each file that is imported from `file` on, with the one that imports it on a shortest way.
    fn reached_from(&self, file: usize) -> BTreeMap<usize, usize> {
        let mut reached = BTreeMap::new();
        let mut open = VecDeque::from([file]);
        while let Some(next) = open.pop_front() {
            for imported in self.lines[next].keys() {
                if !reached.contains_key(imported) {
                    reached.insert(*imported, next);
                    open.push_back(*imported);
                }
            }
        }
        reached
    }

    /// The files on a shortest way from `file` back to it, which stands at both ends.
    fn way_round(&self, file: usize, reached: &BTreeMap<usize, usize>) -> Vec<usize> {
        let mut way = vec![file];
        loop {
            let importer = reached[way.last().unwrap()];
            way.push(importer);
            if importer == file {
                way.reverse();
                return way;
            }
        }
    }

    fn written(&self, way: &[usize]) -> String {
        let path = |file: usize| &self.files[file].path;
        let step = |pair: &[usize]| format!("src/{}:{} imports", path(pair[0]), self.lines[pair[0]][&pair[1]]);
        let steps: Vec<_> = way.windows(2).map(step).collect();
        format!("{} src/{}", steps.join(" "), path(way[0]))
    }
}

/// The files by the modules that they are, and what the tables of contents pass on.
struct Tree<'a> {
    files: &'a [Source],
    modules: HashMap<Vec<String>, usize>,
    mentions: Vec<Vec<Mention>>,
}

impl<'a> Tree<'a> {
    fn of(files: &'a [Source]) -> Self {
        let modules = files.iter().enumerate().map(|(at, file)| (module_of(file), at)).collect();
        Self { files, modules, mentions: files.iter().map(Source::mentions).collect() }
    }

    fn imports(&self, file: usize) -> BTreeMap<usize, usize> {
        let mut imports = BTreeMap::new();
        if self.files[file].is_table_of_contents() || self.is_for_tests(file) {
            return imports;
        }
        for mention in self.mentions[file].iter().filter(|mention| !mention.in_tests) {
            let imported = self.absolute(file, mention).and_then(|path| self.defining_file(&path));
            if let Some(imported) = imported.filter(|imported| *imported != file) {
                imports.entry(imported).or_insert(mention.line);
            }
        }
        imports
    }

    /// Whether a file is declared under `#[cfg(test)]`.
    fn is_for_tests(&self, file: usize) -> bool {
        let module = module_of(&self.files[file]);
        let Some((name, parent)) = module.split_last() else { return false };
        self.modules.get(parent).is_some_and(|parent| self.files[*parent].declares_for_tests(name))
    }

    /// A path from the crate down; `None` if it begins with a name that is no module of ours.
    fn absolute(&self, file: usize, mention: &Mention) -> Option<Vec<String>> {
        if mention.root == Root::Crate {
            return Some(mention.path.clone());
        }
        let (first, rest) = mention.path.split_first()?;
        let child = [module_of(&self.files[file]), vec![first.clone()]].concat();
        let module = if self.modules.contains_key(&child) { child } else { self.imported_module(file, first)? };
        Some([module, rest.to_vec()].concat())
    }

    /// The module that this file imports under `name`.
    fn imported_module(&self, file: usize, name: &str) -> Option<Vec<String>> {
        let mut imports = self.mentions[file].iter().filter(|mention| mention.root == Root::Crate);
        let found = imports.find(|mention| mention.name == name && self.modules.contains_key(&mention.path))?;
        Some(found.path.clone())
    }

    fn defining_file(&self, path: &[String]) -> Option<usize> {
        let depth = (1..=path.len()).rev().find(|depth| self.modules.contains_key(&path[..*depth]))?;
        let file = self.modules[&path[..depth]];
        if self.files[file].is_table_of_contents() { self.passed_on(file, path.get(depth)?) } else { Some(file) }
    }

    /// The file of which this table of contents passes `name` on.
    fn passed_on(&self, table: usize, name: &str) -> Option<usize> {
        let file = |mention| self.absolute(table, mention).and_then(|path| self.defining_file(&path));
        let named = self.mentions[table].iter().find(|mention| mention.name == name);
        let mut globs = self.mentions[table].iter().filter(|mention| mention.name == "*").filter_map(file);
        named.and_then(file).or_else(|| globs.find(|file| self.files[*file].defines(name)))
    }
}

fn module_of(file: &Source) -> Vec<String> {
    file.file_module().into_iter().map(str::to_owned).collect()
}
