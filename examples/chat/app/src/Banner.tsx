/** Says that the connection is lost, for as long as it is. */
import { useConnectionState } from "./live";

export function Banner() {
  const { phase } = useConnectionState();
  const isLost = phase === "waiting" || phase === "connecting";
  return <div role="status" className="banner" data-shown={isLost}>{isLost && "Reconnecting… what you send is kept until then."}</div>;
}
