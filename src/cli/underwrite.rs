//! `anju underwrite`: the file of a building for whoever is to insure it, saved as it comes and shown
//! chapter by chapter. Nowhere is all of it held in memory.

use std::{
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::json;

use crate::{
    cli::{
        BadUsage, Outcome, field,
        prove::known_tree,
        read::ReadArgs,
        session::{Output, Session},
        table::{Sheet, printable},
    },
    client::describe,
    domain::underwriting::{Item, Worth},
    kernel::id::{BuildingId, SubjectId},
    proto::v1,
    registry::underwriting::{Chapter, Counts, Header, LINE_BYTES_MAX, Line, Lines, Of},
};

const EXAMPLES: &str = "\
Examples:
  anju underwrite bld_01HF7YAT000000E0000000001A
  anju underwrite bld_01HF7YAT000000E0000000001A --valid-at 2024-07-01 --known-at 4100 --out file.jsonl
  anju underwrite bld_01HF7YAT000000E0000000001A --since last-year.json --out file.jsonl
  anju prove file.jsonl";

/// Flags of `anju underwrite`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct UnderwriteArgs {
    /// The building.
    pub id: BuildingId,
    /// Where to save the file, with its proof; must not exist yet. Without it, it is only shown.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Let the file show that its tree grew out of the checkpoint in this file (a checkpoint, a proof
    /// or an earlier file).
    #[arg(long, value_name = "FILE")]
    pub since: Option<PathBuf>,
    /// Which day and which knowledge.
    #[command(flatten)]
    pub read: ReadArgs,
}

/// Fetches, saves and shows.
pub async fn run(args: &UnderwriteArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let since = args.since.as_deref().map(known_tree).transpose()?;
    let partition = SubjectId::from(args.id).partition().number();
    if since.as_ref().is_some_and(|since| since.partition != partition) {
        let sentence = "the checkpoint of --since is of another partition than the building";
        return Err(BadUsage::new(sentence).into());
    }
    let request = v1::GetUnderwritingFileRequest {
        context: Some(args.read.context()),
        building_id: args.id.to_string(),
        since_size: since.map(|since| since.size),
    };
    let mut saving = args.out.as_deref().map(Saving::begin).transpose()?;
    let mut shown = Shown::default();
    let done = fetch(request, session, &mut saving, &mut shown).await;
    match (done, saving) {
        (Ok(()), Some(saving)) => saving.keep()?,
        (Ok(()), None) => {}
        (Err(error), saving) => {
            if let Some(saving) = saving {
                saving.discard();
            }
            return Err(error);
        }
    }
    if !session.out.is_json() {
        let told = shown.last_word(args.out.as_deref());
        session.out.line(told)?;
    }
    Ok(Outcome::Fine)
}

async fn fetch(
    request: v1::GetUnderwritingFileRequest,
    session: &mut Session<'_>,
    saving: &mut Option<Saving>,
    shown: &mut Shown,
) -> anyhow::Result<()> {
    let answer = session.connection().underwriting().get_underwriting_file(request).await;
    let refused = |status: tonic::Status| anyhow::Error::new(describe(&status));
    let mut stream = answer.map_err(refused)?.into_inner();
    let mut pending = Vec::new();
    let mut lines = Lines::default();
    while let Some(answer) = stream.message().await.map_err(refused)? {
        if let Some(saving) = saving {
            saving.file.write_all(&answer.part).with_context(|| saving.unwritable())?;
        }
        pending.extend_from_slice(&answer.part);
        while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
            let rest = pending.split_off(end + 1);
            pending.pop();
            let line = lines.read(&pending).context("the server sent what is no such file")?;
            shown.take(line, &mut session.out)?;
            pending = rest;
        }
        if pending.len() > LINE_BYTES_MAX {
            bail!("the server sent a line that is too long for such a file");
        }
    }
    if shown.counts.is_none() {
        bail!("the server sent a part of the file and no end");
    }
    Ok(())
}

/// A file that is there only once it is whole.
struct Saving {
    path: PathBuf,
    partial: PathBuf,
    file: BufWriter<File>,
}

impl Saving {
    fn begin(path: &Path) -> anyhow::Result<Self> {
        if path.exists() {
            bail!(
                "{} is there already, and a file that was kept is never written over",
                path.display()
            );
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let partial = path.with_file_name(format!(".{name}.partial"));
        let file = File::create(&partial)
            .with_context(|| format!("{} cannot be written", path.display()))?;
        Ok(Self { path: path.to_owned(), partial, file: BufWriter::new(file) })
    }

    fn unwritable(&self) -> String {
        format!("{} cannot be written", self.path.display())
    }

    fn keep(mut self) -> anyhow::Result<()> {
        let unwritable = self.unwritable();
        self.file.flush().with_context(|| unwritable.clone())?;
        self.file.get_ref().sync_all().with_context(|| unwritable.clone())?;
        // A link, unlike a new name, never takes the place of what came to be there meanwhile.
        fs::hard_link(&self.partial, &self.path).with_context(|| unwritable)?;
        let _gone = fs::remove_file(&self.partial);
        Ok(())
    }

    fn discard(self) {
        // What is left of it is of no use; why it ended says more than this would.
        let _gone = fs::remove_file(&self.partial);
    }
}

/// What was shown so far.
#[derive(Default)]
struct Shown {
    header: Option<Header>,
    chapter: Option<(Chapter, Sheet)>,
    counts: Option<Counts>,
}

impl Shown {
    fn take(&mut self, line: Line, out: &mut Output<'_>) -> anyhow::Result<()> {
        if out.is_json() {
            self.note(&line);
            return as_json(&line, out);
        }
        match line {
            Line::Header(header) => {
                out.line(head(&header))?;
                self.header = Some(*header);
            }
            Line::Chapter(chapter) => {
                self.close(out)?;
                self.chapter = Some((chapter, sheet()));
            }
            Line::Entry(_) => {}
            Line::Item(item) => {
                if let Some((_, sheet)) = &mut self.chapter {
                    row(sheet, &item);
                }
            }
            Line::End(counts) => {
                self.close(out)?;
                self.counts = Some(counts);
            }
        }
        Ok(())
    }

    fn note(&mut self, line: &Line) {
        if let Line::End(counts) = line {
            self.counts = Some(*counts);
        }
    }

    fn close(&mut self, out: &mut Output<'_>) -> anyhow::Result<()> {
        let Some((chapter, sheet)) = self.chapter.take() else { return Ok(()) };
        let (english, chinese) = heading(chapter.chapter);
        let subject = chapter.subject.unwrap_or_default();
        out.line("")?;
        out.line(format!("{english} {chinese} {subject}").trim_end())?;
        out.sheet(&sheet)?;
        Ok(())
    }

    fn last_word(&self, path: Option<&Path>) -> String {
        let known = self.header.as_ref().map_or("", |header| header.known_at.as_str());
        let seq = known.split_once(':').map_or(known, |(_, seq)| seq);
        let day = self.header.as_ref().map_or("", |header| header.valid_at.as_str());
        let counts = self.counts.unwrap_or_default();
        let again = format!(
            "the same again, to the byte 可逐字节重新取得: --valid-at {day} --known-at {seq}"
        );
        match path {
            Some(path) => format!(
                "\nsaved 已保存 {}: {} items 项, {} entries with proof 条记录附证明; {again}; check it with \
                 核验: anju prove {}",
                path.display(),
                counts.items,
                counts.entries,
                path.display()
            ),
            None => {
                format!("\n{} items 项, {} entries 条记录; {again}", counts.items, counts.entries)
            }
        }
    }
}

/// A line for programs: as in the file, without entries and sums.
fn as_json(line: &Line, out: &mut Output<'_>) -> anyhow::Result<()> {
    let value = match line {
        Line::Header(header) => serde_json::to_value(header)?,
        Line::Chapter(chapter) => serde_json::to_value(chapter)?,
        Line::Entry(_) => return Ok(()),
        Line::Item(item) => serde_json::to_value(item)?,
        Line::End(counts) => json!({ "end": counts }),
    };
    out.line(value.to_string())?;
    Ok(())
}

fn head(header: &Header) -> String {
    let reader = &header.reader;
    let mut reach = reader.role.clone();
    if let Some(regions) = &reader.regions {
        reach = format!("{reach} in 管辖 {}", regions.join(", "));
    }
    if let Some(companies) = &reader.companies {
        reach = format!("{reach}; policies of 保单限于 {}", companies.join(", "));
    }
    printable(format!(
        "underwriter's file 承保档案 {}\n\
         as it was on 房屋状况截至 {}; as known with 所知截至 entry {} of {}\n\
         for 阅览者 {reach}\n\
         tree 默克尔树 {} entries 条, root 根 {}",
        header.building,
        header.valid_at,
        header.known_at,
        header.recorded,
        header.tree.size,
        header.tree.root
    ))
}

fn sheet() -> Sheet {
    Sheet::new([
        "item 项目",
        "value 内容",
        "from 起",
        "until 止",
        "worth 依据",
        "entries 记录",
        "recorded 记录时间",
    ])
}

fn row(sheet: &mut Sheet, item: &Item) {
    let entries = item.entries.iter().map(ToString::to_string).collect::<Vec<_>>();
    sheet.row([
        label(&item.item),
        value(item),
        item.from.clone().unwrap_or_default(),
        item.until.clone().unwrap_or_default(),
        worth(item),
        entries.join(", "),
        item.recorded.as_deref().map(seconds).unwrap_or_default().to_owned(),
    ]);
}

/// A stamp without what is smaller than a second.
fn seconds(stamp: &str) -> &str {
    stamp.split_once('.').map_or(stamp, |(whole, _)| whole)
}

fn value(item: &Item) -> String {
    let mut lines = Vec::new();
    lines.extend(item.value.as_deref().map(|value| field::text_amount(&item.item, value)));
    lines.extend(item.about.clone());
    for (name, value) in &item.says {
        let shown = value.as_deref().map(|value| field::text_amount(name, value));
        let shown = shown.unwrap_or_else(|| "unknown or none 不明或无".to_owned());
        lines.push(format!("{}: {shown}", label(name)));
    }
    if let Some(sentence) = &item.doubted {
        lines.push(format!("doubted 存疑 {sentence}").trim_end().to_owned());
    }
    lines.join("\n")
}

fn worth(item: &Item) -> String {
    let text = match item.is {
        Worth::Said => "by entries 据记录",
        Worth::Reckoned => "reckoned 推算",
        Worth::Unknown => "UNKNOWN 不明",
        Worth::NotRecorded => "NOT RECORDED 未登记",
        Worth::Withheld => "withheld 不公开",
    };
    match &item.because {
        Some(because) => format!("{text}\n{}", because.replace('_', " ")),
        None => text.to_owned(),
    }
}

const fn heading(of: Of) -> (&'static str, &'static str) {
    match of {
        Of::Building => ("building", "楼栋"),
        Of::Predecessor => ("predecessor", "前身"),
        Of::Successor => ("successor", "后继"),
        Of::PhysicalBuilding => ("physical building", "所在物理幢"),
        Of::Compound => ("compound", "小区"),
        Of::Region => ("region", "区划"),
        Of::Report => ("report", "报告"),
        Of::Body => ("body", "机构"),
        Of::Finding => ("finding", "问题"),
        Of::Order => ("order", "任务"),
        Of::Policy => ("policy", "保单"),
        Of::Claim => ("claim", "理赔"),
        Of::Work => ("work item", "维修工程项"),
        Of::Reference => ("reference data", "基础数据"),
        Of::NotRecorded => ("not recorded by the registry", "登记系统未登记的事项"),
    }
}

/// Names of items and of what they say, where they are not those of the API's fields.
const LABELS: &[(&str, &str)] = &[
    ("acceptance_certificate", "竣工验收备案"),
    ("amount", "金额（元）"),
    ("appraised", "鉴定金额（元）"),
    ("approved", "核赔金额（元）"),
    ("as_built_drawings", "竣工图"),
    ("aspect", "评定方面"),
    ("assessed", "定损金额（元）"),
    ("body", "机构"),
    ("by_predecessor", "由前身承保"),
    ("case", "待办事项"),
    ("changes_nothing", "不起作用的原因"),
    ("check_up_due", "应检日期"),
    ("claim", "理赔"),
    ("claims", "理赔案件"),
    ("class", "问题类别"),
    ("colour", "颜色"),
    ("counted_from", "起算日"),
    ("covers_by", "承保标的"),
    ("design_drawings", "设计图纸"),
    ("ended_by", "了结方式"),
    ("existence", "存续"),
    ("exterior_wall_type", "外墙类型"),
    ("finding", "问题"),
    ("first_day", "首日"),
    ("first_observed", "首次发现"),
    ("flood_zone", "洪涝分区"),
    ("fund_balance", "维修资金余额"),
    ("funding", "资金"),
    ("gas_inspection", "燃气检查"),
    ("grade", "等级"),
    ("holds", "当日有效"),
    ("illegal_alterations", "违法改建加建"),
    ("in_doubt", "是否存疑"),
    ("inspected", "检查日期"),
    ("invoice", "发票散列"),
    ("last_appraisal", "最近一次鉴定"),
    ("last_check_up", "最近一次体检"),
    ("last_day", "末日"),
    ("lift_inspection", "电梯检验"),
    ("lineage", "沿革"),
    ("nearby_works", "周边施工"),
    ("notice_days", "通知后天数"),
    ("observation", "发现"),
    ("open_days", "未了结天数"),
    ("open_findings", "未了结问题"),
    ("order", "任务"),
    ("overdue", "是否逾期"),
    ("overdue_days", "逾期天数"),
    ("paid", "已付（元）"),
    ("policy", "保单"),
    ("presence", "是否存在"),
    ("recovered", "已追回（元）"),
    ("renovation_items", "改造项目"),
    ("rental_share", "出租比例"),
    ("report", "报告"),
    ("reserved", "准备金（元）"),
    ("rule_set", "规则"),
    ("seismic_zone", "抗震设防"),
    ("severity", "严重程度"),
    ("severity_by_now", "目前严重程度"),
    ("signatures", "签字"),
    ("stage", "阶段"),
    ("step", "处理步骤"),
    ("sum_insured", "保险金额（元）"),
    ("tilt_and_settlement_series", "倾斜沉降观测"),
    ("vacancy", "空置情况"),
    ("work", "维修工程项"),
    ("works", "维修工程"),
];

fn label(name: &str) -> String {
    match LABELS.iter().find(|(known, _)| *known == name) {
        Some((_, chinese)) => format!("{} {chinese}", name.replace('_', " ")),
        None => field::label(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::underwriting::NOT_RECORDED;

    #[test]
    fn what_is_not_recorded_has_a_name_in_both_languages() {
        for item in NOT_RECORDED {
            assert!(!label(item).is_ascii(), "{item}");
        }
        let names = LABELS.iter().map(|(name, _)| *name).collect::<Vec<_>>();
        assert!(names.is_sorted(), "{names:?}");
    }
}
