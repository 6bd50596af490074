from engine.book import OrderBook
from engine.feed.track import Track

class OrderTrack(Track):
    orders: OrderBook
    contradictions: int
