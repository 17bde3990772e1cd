//! Makes queries at random, as trees that are written as SQL and evaluated naively.

/// Numbers that look random and follow from a seed.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % end as u64) as usize
    }

    /// True once in so many.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

/// Rows of the three tables.
pub(crate) fn tables(chance: &mut Chance) -> [Vec<Vec<Option<i64>>>; 3] {
    [0, 1, 2].map(|table| {
        let count = chance.below(9);
        let rows = (0..count).map(|id| {
            let nullable =
                |chance: &mut Chance| (!chance.once_in(4)).then(|| chance.below(4) as i64);
            let certain = |chance: &mut Chance| Some(chance.below(4) as i64);
            let k = if table == 2 { certain(chance) } else { nullable(chance) };
            let v = if table == 1 { certain(chance) } else { nullable(chance) };
            vec![Some(id as i64), k, v]
        });
        rows.collect()
    })
}

#[derive(Clone, Debug)]
pub(crate) struct Query {
    pub(crate) body: Body,
    /// LIMIT and OFFSET, below an order of all columns.
    pub(crate) slice: Option<(usize, usize)>,
}

impl Query {
    pub(crate) fn is_ordered(&self) -> bool {
        self.slice.is_some()
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Body {
    Select(Box<Select>),
    Set { op: &'static str, left: Box<Body>, right: Box<Body> },
}

#[derive(Clone, Debug)]
pub(crate) struct Select {
    pub(crate) distinct: bool,
    pub(crate) items: Vec<Scalar>,
    pub(crate) from: Vec<From>,
    pub(crate) filter: Option<Cond>,
    pub(crate) is_grouped: bool,
    pub(crate) keys: Vec<Scalar>,
    pub(crate) having: Option<Cond>,
}

#[derive(Clone, Debug)]
pub(crate) enum From {
    Table { table: usize, alias: String },
    Derived { body: Body, columns: usize, alias: String },
    Join { kind: Kind, left: Box<From>, right: Box<From>, on: Cond },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Inner,
    Left,
    Right,
    Full,
}

#[derive(Clone, Debug)]
pub(crate) enum Scalar {
    Column(String, String),
    Number(Option<i64>),
    Plus(Box<Scalar>, Box<Scalar>),
    Coalesce(Box<Scalar>, Box<Scalar>),
    Case(Box<Cond>, Box<Scalar>, Box<Scalar>),
    Sub(Box<Select>),
    Aggregate {
        name: &'static str,
        distinct: bool,
        of: Option<Box<Scalar>>,
        filter: Option<Box<Cond>>,
    },
}

#[derive(Clone, Debug)]
pub(crate) enum Cond {
    Compare(&'static str, Scalar, Scalar),
    IsNull(Scalar, bool),
    IsDistinct(Scalar, Scalar, bool),
    InList(Scalar, Vec<Scalar>, bool),
    And(Box<Cond>, Box<Cond>),
    Or(Box<Cond>, Box<Cond>),
    Not(Box<Cond>),
    Exists(Box<Select>, bool),
    In(Scalar, Box<Select>, bool),
}

/// Relations that can be named, with their columns.
type Scope = Vec<(String, Vec<String>)>;

pub(crate) struct Asker<'c> {
    chance: &'c mut Chance,
    aliases: usize,
    depth: usize,
}

impl<'c> Asker<'c> {
    pub(crate) fn new(chance: &'c mut Chance) -> Self {
        Self { chance, aliases: 0, depth: 0 }
    }

    pub(crate) fn query(&mut self) -> Query {
        let columns = 1 + self.chance.below(3);
        let body = self.body(columns);
        let slice = self.chance.once_in(4).then(|| (self.chance.below(5), self.chance.below(3)));
        Query { body, slice }
    }

    fn body(&mut self, columns: usize) -> Body {
        if self.depth < 2 && self.chance.once_in(7) {
            self.depth += 1;
            let op = ["UNION", "UNION ALL", "INTERSECT", "EXCEPT"][self.chance.below(4)];
            let (left, right) = (Box::new(self.body(columns)), Box::new(self.body(columns)));
            self.depth -= 1;
            return Body::Set { op, left, right };
        }
        Body::Select(Box::new(self.select(columns)))
    }

    fn alias(&mut self) -> String {
        self.aliases += 1;
        format!("t{}", self.aliases)
    }

    fn select(&mut self, columns: usize) -> Select {
        let (from, scope) = self.from();
        let filter = (!self.chance.once_in(3)).then(|| self.cond(&scope, 2));
        if self.chance.once_in(4) {
            return self.grouped(columns, from, scope, filter);
        }
        let items = (0..columns).map(|_| self.scalar(&scope, 2)).collect();
        let distinct = self.chance.once_in(5);
        Select { distinct, items, from, filter, is_grouped: false, keys: Vec::new(), having: None }
    }

    fn grouped(
        &mut self,
        columns: usize,
        from: Vec<From>,
        scope: Scope,
        filter: Option<Cond>,
    ) -> Select {
        let keys: Vec<Scalar> = (0..self.chance.below(3)).map(|_| self.column(&scope)).collect();
        let mut items = Vec::new();
        for _ in 0..columns {
            items.push(match self.chance.below(3) {
                0 if !keys.is_empty() => keys[self.chance.below(keys.len())].clone(),
                1 => Scalar::Plus(
                    Box::new(self.aggregate(&scope)),
                    Box::new(Scalar::Number(Some(1))),
                ),
                _ => self.aggregate(&scope),
            });
        }
        let having = self.chance.once_in(3).then(|| {
            let number = Scalar::Number(Some(self.chance.below(4) as i64));
            Cond::Compare(self.comparison(), self.aggregate(&scope), number)
        });
        let distinct = self.chance.once_in(6);
        Select { distinct, items, from, filter, is_grouped: true, keys, having }
    }

    fn aggregate(&mut self, scope: &Scope) -> Scalar {
        let name = ["count", "count", "sum", "min", "max"][self.chance.below(5)];
        let of = if name == "count" && self.chance.once_in(2) {
            None
        } else {
            Some(Box::new(self.column(scope)))
        };
        let distinct = of.is_some() && self.chance.once_in(4);
        let filter = self.chance.once_in(5).then(|| Box::new(self.plain_cond(scope, 1)));
        Scalar::Aggregate { name, distinct, of, filter }
    }

    fn from(&mut self) -> (Vec<From>, Scope) {
        let count = [1, 1, 1, 2][self.chance.below(4)];
        let mut scope = Scope::new();
        let from = (0..count).map(|_| self.joins(&mut scope)).collect();
        (from, scope)
    }

    fn joins(&mut self, scope: &mut Scope) -> From {
        let mut own = Scope::new();
        let mut from = self.factor(&mut own);
        for _ in 0..[0, 0, 1, 1, 2][self.chance.below(5)] {
            let right = self.factor(&mut own);
            let kinds = [Kind::Inner, Kind::Inner, Kind::Left, Kind::Left, Kind::Right, Kind::Full];
            let kind = kinds[self.chance.below(kinds.len())];
            let (left, right) = (Box::new(from), Box::new(right));
            let on = self.on(&own);
            from = From::Join { kind, left, right, on };
        }
        scope.extend(own);
        from
    }

    fn factor(&mut self, scope: &mut Scope) -> From {
        let alias = self.alias();
        if self.depth < 2 && self.chance.once_in(6) {
            self.depth += 1;
            let columns = 1 + self.chance.below(2);
            let body = self.body(columns);
            self.depth -= 1;
            let names = (0..columns).map(|at| format!("c{at}")).collect();
            scope.push((alias.clone(), names));
            return From::Derived { body, columns, alias };
        }
        let names = ["id", "k", "v"].map(str::to_owned).to_vec();
        scope.push((alias.clone(), names));
        From::Table { table: self.chance.below(3), alias }
    }

    /// Mostly an equality between the last relation and one before it.
    fn on(&mut self, scope: &Scope) -> Cond {
        let (last, before) = scope.split_last().unwrap();
        let right = self.column(&vec![last.clone()]);
        let left = self.column(&before.to_vec());
        let equal = Cond::Compare("=", left, right);
        match self.chance.below(5) {
            0 => self.plain_cond(scope, 1),
            1 => Cond::And(Box::new(equal), Box::new(self.plain_cond(scope, 1))),
            _ => equal,
        }
    }

    fn column(&mut self, scope: &Scope) -> Scalar {
        let (alias, columns) = &scope[self.chance.below(scope.len())];
        Scalar::Column(alias.clone(), columns[self.chance.below(columns.len())].clone())
    }

    fn comparison(&mut self) -> &'static str {
        ["=", "=", "=", "<>", "<", ">="][self.chance.below(6)]
    }

    fn plain_scalar(&mut self, scope: &Scope) -> Scalar {
        match self.chance.below(8) {
            0 => Scalar::Number(Some(self.chance.below(5) as i64)),
            1 if self.chance.once_in(3) => Scalar::Number(None),
            2 => Scalar::Plus(Box::new(self.column(scope)), Box::new(self.column(scope))),
            3 => Scalar::Coalesce(Box::new(self.column(scope)), Box::new(Scalar::Number(Some(9)))),
            _ => self.column(scope),
        }
    }

    fn scalar(&mut self, scope: &Scope, depth: usize) -> Scalar {
        match self.chance.below(10) {
            0 if depth > 0 => Scalar::Case(
                Box::new(self.cond(scope, depth - 1)),
                Box::new(self.plain_scalar(scope)),
                Box::new(self.plain_scalar(scope)),
            ),
            1 | 2 if depth > 0 && self.depth < 2 => {
                self.depth += 1;
                let sub = self.scalar_query(scope);
                self.depth -= 1;
                Scalar::Sub(Box::new(sub))
            }
            _ => self.plain_scalar(scope),
        }
    }

    /// An aggregate without GROUP BY, or what a primary key finds: one row at most.
    fn scalar_query(&mut self, outer: &Scope) -> Select {
        if self.chance.once_in(3) {
            let alias = self.alias();
            let columns = ["id", "k", "v"].map(str::to_owned).to_vec();
            let inner = vec![(alias.clone(), columns)];
            let from = vec![From::Table { table: self.chance.below(2), alias: alias.clone() }];
            let key = Scalar::Column(alias, "id".into());
            let filter = Some(Cond::Compare("=", key, self.column(outer)));
            let items = vec![self.plain_scalar(&inner)];
            let (keys, having) = (Vec::new(), None);
            return Select {
                distinct: false,
                items,
                from,
                filter,
                is_grouped: false,
                keys,
                having,
            };
        }
        let (from, scope) = self.from();
        let mut filter = self.chance.once_in(2).then(|| self.plain_cond(&scope, 1));
        if !self.chance.once_in(3) {
            let equal = Cond::Compare("=", self.column(&scope), self.column(outer));
            filter = Some(and(filter, equal));
        }
        let item = match self.chance.below(3) {
            0 => Scalar::Plus(Box::new(self.aggregate(&scope)), Box::new(Scalar::Number(Some(1)))),
            _ => self.aggregate(&scope),
        };
        let having = self.chance.once_in(5).then(|| {
            let number = Scalar::Number(Some(self.chance.below(3) as i64));
            Cond::Compare(self.comparison(), self.aggregate(&scope), number)
        });
        let (items, keys) = (vec![item], Vec::new());
        Select { distinct: false, items, from, filter, is_grouped: true, keys, having }
    }

    /// A sub-query of EXISTS or IN, correlated or not.
    fn member_query(&mut self, outer: &Scope) -> Select {
        let (from, scope) = self.from();
        let mut filter = self.chance.once_in(2).then(|| self.cond(&scope, 1));
        for _ in 0..self.chance.below(3) {
            let comparison = self.comparison();
            let on = Cond::Compare(comparison, self.column(&scope), self.column(outer));
            filter = Some(and(filter, on));
        }
        let items = vec![self.plain_scalar(&scope)];
        let (keys, having) = (Vec::new(), None);
        Select { distinct: false, items, from, filter, is_grouped: false, keys, having }
    }

    fn plain_cond(&mut self, scope: &Scope, depth: usize) -> Cond {
        match self.chance.below(8) {
            0 => Cond::IsNull(self.column(scope), self.chance.once_in(2)),
            1 => {
                let (left, right) = (self.plain_scalar(scope), self.plain_scalar(scope));
                Cond::IsDistinct(left, right, self.chance.once_in(2))
            }
            2 => {
                let list =
                    (0..1 + self.chance.below(3)).map(|_| self.plain_scalar(scope)).collect();
                Cond::InList(self.column(scope), list, self.chance.once_in(2))
            }
            3 if depth > 0 => Cond::Or(
                Box::new(self.plain_cond(scope, depth - 1)),
                Box::new(self.plain_cond(scope, depth - 1)),
            ),
            4 if depth > 0 => Cond::Not(Box::new(self.plain_cond(scope, depth - 1))),
            _ => {
                let comparison = self.comparison();
                Cond::Compare(comparison, self.plain_scalar(scope), self.plain_scalar(scope))
            }
        }
    }

    fn cond(&mut self, scope: &Scope, depth: usize) -> Cond {
        match self.chance.below(10) {
            0..=2 if depth > 0 && self.depth < 2 => {
                self.depth += 1;
                let query = Box::new(self.member_query(scope));
                self.depth -= 1;
                let negated = self.chance.once_in(2);
                match self.chance.once_in(2) {
                    true => Cond::Exists(query, negated),
                    false => Cond::In(self.plain_scalar(scope), query, negated),
                }
            }
            3 if depth > 0 => {
                let comparison = self.comparison();
                Cond::Compare(comparison, self.scalar(scope, 1), self.plain_scalar(scope))
            }
            4 | 5 if depth > 0 => Cond::And(
                Box::new(self.cond(scope, depth - 1)),
                Box::new(self.cond(scope, depth - 1)),
            ),
            6 if depth > 0 => Cond::Or(
                Box::new(self.cond(scope, depth - 1)),
                Box::new(self.cond(scope, depth - 1)),
            ),
            7 if depth > 0 => Cond::Not(Box::new(self.cond(scope, depth - 1))),
            _ => self.plain_cond(scope, depth),
        }
    }
}

fn and(left: Option<Cond>, right: Cond) -> Cond {
    match left {
        Some(left) => Cond::And(Box::new(left), Box::new(right)),
        None => right,
    }
}
