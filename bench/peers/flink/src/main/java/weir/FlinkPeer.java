// FlinkPeer QUERY DATA_FOLDER OUT: one Nexmark query by Flink SQL in streaming mode on a cluster inside this process.
// FlinkPeer QUERY,QUERY… DATA_FOLDER OUT_FOLDER check: several, into a file or folder each; of an answer that changes, its totals.
package weir;

import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.Table;
import org.apache.flink.table.api.TableResult;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.apache.flink.table.catalog.Column;
import org.apache.flink.types.Row;
import org.apache.flink.types.RowKind;
import org.apache.flink.util.CloseableIterator;

public final class FlinkPeer {
  private record Query(String sql, boolean appends) {}

  public static void main(String[] args) throws Exception {
    boolean check = args.length > 3;
    for (String name : args[0].split(",")) answer(name, args[1], check ? args[2] + "/" + name : args[2], check);
  }

  private static void answer(String name, String data, String out, boolean check) throws Exception {
    Query query = find(name);
    StreamTableEnvironment tables = StreamTableEnvironment.create(environment(query.appends() ? out + ".spill" : null));
    // Groups and joins take rows in bundles, as the settings of nexmark/nexmark have it: faster than row by row.
    tables.getConfig().set("table.exec.mini-batch.enabled", "true");
    tables.getConfig().set("table.exec.mini-batch.allow-latency", "2 s");
    tables.getConfig().set("table.exec.mini-batch.size", "50000");
    tables.getConfig().set("table.local-time-zone", "UTC");
    declare(tables, "bid", data, "auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, `dateTime` TIMESTAMP(3), extra STRING");
    declare(tables, "auction", data, "id BIGINT, itemName STRING, description STRING, initialBid BIGINT, reserve BIGINT, "
        + "`dateTime` TIMESTAMP(3), expires TIMESTAMP(3), seller BIGINT, category BIGINT, extra STRING");
    declare(tables, "person", data, "id BIGINT, name STRING, emailAddress STRING, creditCard STRING, city STRING, state STRING, "
        + "`dateTime` TIMESTAMP(3), extra STRING");
    Table answer = tables.sqlQuery(query.sql());
    if (!query.appends() && check) {
      total(answer, Path.of(out));
      return;
    }
    List<String> columns = new ArrayList<>();
    for (Column column : answer.getResolvedSchema().getColumns()) {
      columns.add("`" + column.getName() + "` " + column.getDataType().getLogicalType().copy(true).asSerializableString());
    }
    String sink = query.appends()
        ? "'connector' = 'filesystem', 'format' = 'parquet', 'parquet.compression' = 'ZSTD', "
            + "'parquet.compression.codec.zstd.level' = '1', 'path' = 'file://" + out + "'"
        : "'connector' = 'blackhole'";
    tables.executeSql("CREATE TABLE answer (" + String.join(", ", columns) + ") WITH (" + sink + ")");
    answer.executeInsert("answer").await();
  }

  private static StreamExecutionEnvironment environment(String checkpoints) {
    Configuration settings = new Configuration();
    settings.setString("pipeline.object-reuse", "true");
    settings.setString("taskmanager.numberOfTaskSlots", "2");
    settings.setString("restart-strategy.type", "none");
    settings.setString("taskmanager.memory.managed.size", "64m");
    settings.setString("taskmanager.memory.network.max", "256m");
    if (checkpoints != null) {
      // Files become visible by a checkpoint: the one that the end of the input makes. In memory it would be limited to 5 MB.
      settings.setString("execution.checkpointing.interval", "1 h");
      settings.setString("execution.checkpointing.storage", "filesystem");
      settings.setString("execution.checkpointing.dir", "file://" + checkpoints);
    }
    StreamExecutionEnvironment environment = StreamExecutionEnvironment.getExecutionEnvironment(settings);
    environment.setParallelism(2);
    return environment;
  }

  private static void declare(StreamTableEnvironment tables, String table, String data, String columns) {
    tables.executeSql("CREATE TABLE " + table + " (" + columns + ", WATERMARK FOR `dateTime` AS `dateTime`) WITH "
        + "('connector' = 'filesystem', 'format' = 'parquet', 'path' = 'file://" + data + "/nexmark/" + table + ".parquet')");
  }

  private static Query find(String name) throws Exception {
    String text;
    try (InputStream in = FlinkPeer.class.getResourceAsStream("/queries.sql")) {
      text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
    for (String part : text.split("(?m)^-- (?=q\\d+ (append|changes)$)")) {
      int end = part.indexOf('\n');
      String[] head = part.substring(0, end).split(" ");
      if (head[0].equals(name)) return new Query(part.substring(end + 1), head[1].equals("append"));
    }
    throw new IllegalArgumentException("no query " + name);
  }

  /** Writes {"rows": …, "totals": {column: sum, …}} of what is left when every row that is taken back is gone. */
  private static void total(Table answer, Path out) throws Exception {
    TableResult result = answer.execute();
    List<String> names = result.getResolvedSchema().getColumnNames();
    Map<String, Double> totals = new TreeMap<>();
    long rows = 0;
    try (CloseableIterator<Row> all = result.collect()) {
      while (all.hasNext()) {
        Row row = all.next();
        int sign = row.getKind() == RowKind.DELETE || row.getKind() == RowKind.UPDATE_BEFORE ? -1 : 1;
        rows += sign;
        for (int i = 0; i < names.size(); ++i) {
          if (row.getField(i) instanceof Number number) totals.merge(names.get(i), sign * number.doubleValue(), Double::sum);
        }
      }
    }
    StringBuilder json = new StringBuilder("{\"rows\": " + rows + ", \"totals\": {");
    String separator = "";
    for (Map.Entry<String, Double> total : totals.entrySet()) {
      json.append(separator).append('"').append(total.getKey()).append("\": ").append(total.getValue());
      separator = ", ";
    }
    Files.writeString(out, json.append("}}\n"));
  }
}
